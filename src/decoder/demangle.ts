/**
 * Names of C++ (Itanium ABI) and Rust (legacy and v0) as they stand in the source. The demanglers are those of Firefox's profiler,
 * Rust compiled to WebAssembly: whoever chose a name cannot reach beyond that memory.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as glue from 'gecko-profiler-demangle/index_bg.js';

const MANGLED = /^_{0,2}(?:Z|R)/;
/** Templates repeat themselves without end. */
const MAX_DEMANGLED = 512;

let demangle: ((name: string) => string) | undefined;

/** @returns the name itself when it is not mangled, or not as these demanglers know it; printable ASCII, at most 512 characters */
export function demangled(name: string): string {
  if (!MANGLED.test(name)) return name;
  try {
    demangle ??= load();
    const text = demangle(name).replace(/[^ -~]/g, '?');
    // As it does with what it takes for a name of another system.
    if (text === name.slice(1)) return name;
    return text.length <= MAX_DEMANGLED ? text : `${text.slice(0, MAX_DEMANGLED - 3)}...`;
  } catch {
    // A trap leaves its memory in an unknown state: the next name gets a new one.
    demangle = undefined;
    return name;
  }
}

function load(): (name: string) => string {
  const path = createRequire(import.meta.url).resolve('gecko-profiler-demangle/index_bg.wasm');
  const { __wbindgen_init_externref_table } = glue;
  const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(path)), {
    './index_bg.js': { __wbindgen_init_externref_table },
  });
  const { __wbindgen_start } = instance.exports as { readonly __wbindgen_start: () => void };
  glue.__wbg_set_wasm(instance.exports);
  __wbindgen_start();
  return glue.demangle_any;
}
