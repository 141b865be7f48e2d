/** The part of the QuickJS WASM module's interface that the sandbox calls. Pointers are plain numbers. */

export interface QuickJsExports {
  readonly memory: WebAssembly.Memory;
  readonly __stack_pointer: WebAssembly.Global;
  _initialize(): void;
  qjs_init(): number;
  qjs_set_interrupt_handler(enabled: number): void;
  qjs_set_memory_limit(bytes: number): void;
  qjs_set_max_stack_size(bytes: number): void;
  qjs_eval(code: number, codeBytes: number, fileName: number, flags: number): number;
  qjs_call(fn: number, self: number, argc: number, argv: number): number;
  qjs_new_string(text: number, bytes: number): number;
  qjs_new_host_function(name: number, nameBytes: number, length: number): number;
  qjs_get_undefined(): number;
  qjs_get_exception(): number;
  qjs_get_prop_string(object: number, name: number): number;
  qjs_get_string_len(value: number, lengthOut: number): number;
  qjs_free_cstring(text: number): void;
  qjs_free_value(value: number): void;
  qjs_dup_value(value: number): number;
  qjs_is_exception(value: number): number;
  qjs_is_string(value: number): number;
  qjs_is_undefined(value: number): number;
  qjs_is_job_pending(): number;
  qjs_execute_pending_job(): number;
  wasm_malloc(bytes: number): number;
  wasm_free(pointer: number): void;
}

/** What the module asks of its host. No files, no output: the guest has nowhere to write. */
export interface QuickJsImports {
  /** Called every few thousand bytecodes and inside regular expressions; a truthy answer stops the code. */
  readonly interrupt: () => number;
  readonly hostCall: (self: number, argc: number, argv: number) => number;
  /** Seconds east of UTC at a moment given in seconds since 1970. */
  readonly zoneOffset: (seconds: number) => number;
}

export function instantiateQuickJs(module: WebAssembly.Module, imports: QuickJsImports): QuickJsExports {
  const badFile = 8;
  const unsupported = 52;
  const memory = (): ArrayBuffer => exports.memory.buffer;
  const instance = new WebAssembly.Instance(module, {
    env: {
      host_interrupt: imports.interrupt,
      host_call: (_name: number, _nameBytes: number, self: number, argc: number, argv: number) => imports.hostCall(self, argc, argv),
      host_promise_rejection: () => undefined,
      host_module_normalize: () => 0,
      host_module_load: () => 0,
      host_get_timezone_offset: (high: number, low: number) => imports.zoneOffset(high * 4294967296 + (low >>> 0)),
    },
    wasi_snapshot_preview1: {
      clock_time_get: (_clock: number, _precision: bigint, out: number) => {
        new DataView(memory()).setBigUint64(out, BigInt(Date.now()) * 1_000_000n, true);
        return 0;
      },
      random_get: (start: number, bytes: number) => {
        crypto.getRandomValues(new Uint8Array(memory(), start, bytes));
        return 0;
      },
      fd_write: () => badFile,
      fd_fdstat_get: () => badFile,
      fd_close: () => unsupported,
      fd_seek: () => unsupported,
    },
  });
  const exports = instance.exports as unknown as QuickJsExports;
  return exports;
}
