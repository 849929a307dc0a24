/** The glue beside the WebAssembly of `gecko-profiler-demangle`, which its types leave out: they are for bundlers. */
declare module 'gecko-profiler-demangle/index_bg.js' {
  export function __wbg_set_wasm(exports: object): void;
  export function __wbindgen_init_externref_table(): void;
  export function demangle_any(name: string): string;
}
