/** Compiles generated decoders: AssemblyScript's compiler, in this process. */
import { readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import asc from 'assemblyscript/asc';
import { REGIONS_START } from '../decoder/memory.ts';
import type { HuatuoError } from '../error.ts';
import { at } from '../paths.ts';
import { buildFailed } from '../schema/failure.ts';

/** 64 KiB each: enough to instantiate a module whose literals are far too many, to say so. */
const SCRATCH_PAGES = 256;

/**
 * Compiles one decoder with the options of asconfig.json.
 * @param sourcePath what `decoderSource` wrote, in a folder beside the files it imports
 * @throws HuatuoError BUILD_FAILED with the compiler's messages; also when the module wants more from the host than
 * its memory, or its literals do not fit below the regions
 */
export async function compileDecoder(sourcePath: string, outWasmPath: string): Promise<void> {
  const { error, stdout, stderr } = await asc.main([
    resolve(sourcePath),
    '--config',
    at('asconfig.json'),
    '--outFile',
    resolve(outWasmPath),
  ]);
  if (error) throw failed(sourcePath, `${stderr.toString()}${stdout.toString()}` || error.message);
  checkModule(sourcePath, new WebAssembly.Module(readFileSync(outWasmPath)));
}

function checkModule(sourcePath: string, module: WebAssembly.Module): void {
  const imports = WebAssembly.Module.imports(module).map(({ module: from, name }) => `${from}.${name}`);
  if (imports.join() !== 'env.memory')
    throw failed(sourcePath, `a module that imports ${imports.join(', ')}`);
  const memory = new WebAssembly.Memory({ initial: SCRATCH_PAGES, maximum: SCRATCH_PAGES, shared: true });
  const { STATIC_END } = new WebAssembly.Instance(module, { env: { memory } }).exports;
  const end = STATIC_END instanceof WebAssembly.Global ? STATIC_END.value : undefined;
  if (typeof end !== 'number' || end > REGIONS_START) {
    throw failed(sourcePath, `static data up to byte ${end}, which may reach to ${REGIONS_START}`);
  }
}

function failed(sourcePath: string, found: string): HuatuoError {
  const location = { file: relative(process.cwd(), sourcePath) };
  return buildFailed(
    location,
    found,
    'look at the event struct this decoder was made from, and at wasm/*.ts',
  );
}
