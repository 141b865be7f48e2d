/** The corner of WebAssembly's interface used here; the full one comes only with the browser's type library. */
declare namespace WebAssembly {
  interface Module {
    readonly [Symbol.toStringTag]: string;
  }
  const Module: new (bytes: Uint8Array) => Module;
  interface Instance {
    readonly exports: { readonly [name: string]: unknown };
  }
  const Instance: new (
    module: Module,
    imports: { readonly [module: string]: { readonly [name: string]: (...args: never[]) => unknown } },
  ) => Instance;
  interface Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  interface Global {
    value: number;
  }
}
