/**
 * The part of the WebAssembly JavaScript API that the decoders use (https://webassembly.github.io/spec/js-api/).
 * TypeScript has these types only in its library for browsers.
 */
declare namespace WebAssembly {
  interface MemoryDescriptor {
    /** In pages of 64 KiB. */
    readonly initial: number;
    readonly maximum: number;
    readonly shared: true;
  }
  class Memory {
    constructor(descriptor: MemoryDescriptor);
    readonly buffer: SharedArrayBuffer;
  }
  class Global {
    private constructor();
    readonly value: unknown;
  }
  class Module {
    constructor(bytes: ArrayBufferView<ArrayBuffer>);
    static imports(module: Module): { readonly module: string; readonly name: string }[];
  }
  class Instance {
    constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>);
    readonly exports: Readonly<Record<string, unknown>>;
  }
}
