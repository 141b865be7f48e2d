/**
 * The inside of the sandbox: what a code step sees, and how its result is turned into JSON text.
 *
 * This function never runs in Node. The machine takes its source text and evaluates it once inside QuickJS, before the
 * memory image is taken. It therefore uses nothing from outside its own body, and a bundler must not rewrite it with
 * helpers of its own (no `keepNames`). User code shares the realm with it, so what it needs later it keeps in locals.
 */

/** The only way out of the guest: text in, text out. `undefined` means the host has nothing to say. */
export type HostPort = (name: 'log' | 'seed' | 'url' | 'urlSet' | 'queryParse' | 'queryFormat', ...texts: string[]) => string | undefined;

/** What {@link installGuest} hands to the machine. A string is the finished reply; undefined means promises are pending. */
export interface GuestDoor {
  /** Starts a job: `fn` is the compiled code, `input` the job as JSON text. */
  start(fn: () => unknown, input: string): string | undefined;
  /** Called when no promise job is left. Settles what waits for ever and goes on. */
  finish(): string | undefined;
}

export function installGuest(host: HostPort): GuestDoor {
  type Dict = { [key: string]: unknown };
  interface GuestItem {
    json: unknown;
    files?: unknown;
  }
  interface GuestInput {
    mode: 'each-item' | 'all-items';
    outputBytes: number;
    maxItems: number;
    items: GuestItem[];
    nodes: { [name: string]: { items: GuestItem[]; paired?: (number | null)[] } };
    run: unknown;
    workflow: unknown;
    vars: unknown;
    now: string;
  }
  type Problem = { code: string; message: string; line?: number; column?: number };

  const parse = JSON.parse;
  const stringify = JSON.stringify;
  const { defineProperty, getPrototypeOf, keys, prototype: objectPrototype } = Object;
  const hasOwn = Object.hasOwn;
  const isArray = Array.isArray;
  const isView = ArrayBuffer.isView;
  const apply = Reflect.apply;
  const PromiseClass = Promise;
  const promiseResolve = Promise.resolve;
  const promiseThen = Promise.prototype.then;
  const MapClass = Map;
  const mapGet = Map.prototype.get;
  const mapSet = Map.prototype.set;
  const push = Array.prototype.push;
  const indexOf = Array.prototype.indexOf;
  const slice = String.prototype.slice;
  const includes = String.prototype.includes;
  const exec = RegExp.prototype.exec;
  const bytesUnfit: readonly (new (...args: never[]) => object)[] = [Map, Set, WeakMap, WeakSet, ArrayBuffer, Promise];
  const global = globalThis as unknown as Dict;

  /** A result that cannot be used; its message goes to the author of the code as it is. */
  class Unusable extends Error {
    readonly problem: Problem;
    constructor(code: string, message: string) {
      super(message);
      this.problem = { code, message };
    }
  }

  // ---- results ------------------------------------------------------------------------------------------------------

  /** Called for every value of the result: the commonest ones are told first. */
  function check(this: unknown, _key: string, value: unknown): unknown {
    switch (typeof value) {
      case 'string':
      case 'number':
      case 'boolean':
      case 'undefined':
        return value;
      case 'object': {
        if (value === null || isArray(value)) return value;
        const proto = getPrototypeOf(value);
        if (proto === objectPrototype || proto === null || unfitName(value) === undefined) return value;
        throw new Unusable('OUTPUT_NOT_JSON', '');
      }
      default:
        throw new Unusable('OUTPUT_NOT_JSON', '');
    }
  }

  /** Only for a text that has the name in it, be it as a value. */
  function checkKey(this: unknown, key: string, value: unknown): unknown {
    if (key === '__proto__') throw new Unusable('OUTPUT_NOT_JSON', '');
    return value;
  }

  function unfitName(value: object): string | undefined {
    if (isView(value)) return 'bytes';
    for (let i = 0; i < bytesUnfit.length; i += 1) {
      const unfit = bytesUnfit[i];
      if (unfit !== undefined && value instanceof unfit) return `a ${unfit.name}`;
    }
    return undefined;
  }

  /** JSON text of `value` as it would cross any boundary; throws Unusable with the path of what cannot. */
  function toText(value: unknown, path = ''): string {
    try {
      const text = stringify(value, check);
      if (typeof text === 'string') {
        if (apply(includes, text, ['__proto__'])) stringify(value, checkKey);
        return text;
      }
    } catch (thrown) {
      if (!(thrown instanceof Unusable) && !(thrown instanceof TypeError)) throw thrown;
      const found = findUnfit(value, path, []);
      if (found !== undefined) throw new Unusable('OUTPUT_NOT_JSON', found);
      if (!(thrown instanceof Unusable)) throw thrown;
    }
    throw new Unusable('OUTPUT_NOT_JSON', 'The result holds a value that JSON cannot carry.');
  }

  /** Slow second look, only after a failure: where the unfit value is and what to do about it. */
  function findUnfit(value: unknown, path: string, above: unknown[]): string | undefined {
    const at = path === '' ? 'The result' : `The result at ${path}`;
    if (typeof value === 'bigint') return `${at} is a BigInt, which JSON cannot carry; use Number(…) or String(…).`;
    if (typeof value === 'function') return `${at} is a function; return data only.`;
    if (typeof value === 'symbol') return `${at} is a symbol; return data only.`;
    if (typeof value !== 'object' || value === null) return undefined;
    for (let i = 0; i < above.length; i += 1) if (above[i] === value) return `${at} contains itself; JSON cannot carry a cycle.`;
    if (above.length > 200) return undefined;
    const unfit = unfitName(value);
    if (unfit !== undefined)
      return `${at} is ${unfit}, which JSON cannot carry; use Object.fromEntries(…), [...x], or a promise's awaited value.`;
    if (typeof (value as Dict)['toJSON'] === 'function') return undefined;
    apply(push, above, [value]);
    const names = keys(value);
    for (let i = 0; i < names.length; i += 1) {
      const name = names[i] as string;
      if (name === '__proto__') return `${at} has a key "__proto__", which is refused; rename it.`;
      const deeper = findUnfit((value as Dict)[name], isArray(value) ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`, above);
      if (deeper !== undefined) return deeper;
    }
    above.length -= 1;
    return undefined;
  }

  function describe(value: unknown): string {
    if (value === null) return 'null';
    if (isArray(value)) return 'an array';
    if (typeof value === 'object') return 'an object';
    if (typeof value === 'string') return `the text ${apply(slice, stringify(value), [0, 60])}`;
    if (typeof value === 'number' || typeof value === 'boolean') return `the ${typeof value} ${value}`;
    return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`;
  }

  /** One returned value as item text: `[json]`, `[json, files]` or, with a known source, `[json, files or 0, source]`. */
  function itemText(value: unknown, index?: number): string {
    const where = index === undefined ? 'The returned value' : `Element ${index} of the returned array`;
    const path = index === undefined ? '' : `[${index}]`;
    if (typeof value !== 'object' || value === null || isArray(value)) {
      throw new Unusable('CODE_RESULT', `${where} is ${describe(value)}; return an object such as { total: 3 }, or an array of objects.`);
    }
    let json: unknown = value;
    let files: unknown;
    if (hasOwn(value, 'json')) {
      const names = keys(value);
      const inner = (value as GuestItem).json;
      const onlyItemKeys = names.length === 1 || (names.length === 2 && hasOwn(value, 'files'));
      if (onlyItemKeys && typeof inner === 'object' && inner !== null && !isArray(inner)) {
        json = inner;
        files = (value as GuestItem).files;
      }
    }
    const source = sourceOf(value) ?? sourceOf(json);
    const text = toText(json, path);
    if (text[0] !== '{') {
      throw new Unusable('CODE_RESULT', `${where} turns into something else than an object when written as JSON (its toJSON says so).`);
    }
    if (source !== undefined) return `[${text},${files === undefined ? '0' : toText(files)},${source}]`;
    return files === undefined ? `[${text}]` : `[${text},${toText(files)}]`;
  }

  /** In all-items mode, the input item that `value` is, or whose JSON it is. */
  function sourceOf(value: unknown): number | undefined {
    if (sources !== undefined) return apply(mapGet, sources, [value]) as number | undefined;
    const input = job as GuestInput;
    if (input.mode === 'each-item') return undefined;
    for (let i = 0; i < input.items.length; i += 1) {
      const item = input.items[i] as GuestItem;
      if (value === item || value === item.json) return i;
    }
    return undefined;
  }

  /** Whether elements of a list may be input items, or the JSON of some: a few input items are looked for in the whole list at once. */
  function mayHoldInputs(list: readonly unknown[]): boolean {
    const input = job as GuestInput;
    if (sources !== undefined) return true;
    if (input.mode === 'each-item') return false;
    for (let i = 0; i < input.items.length; i += 1) {
      const item = input.items[i] as GuestItem;
      if (apply(indexOf, list, [item]) >= 0 || apply(indexOf, list, [item.json]) >= 0) return true;
    }
    return false;
  }

  /** Fresh data that needs no look of its own: most results are long lists of these. */
  function isPlain(value: unknown, mayBeInput: boolean): boolean {
    if (typeof value !== 'object' || value === null || isArray(value)) return false;
    return !('json' in value) && !('toJSON' in value) && !(mayBeInput && sourceOf(value) !== undefined);
  }

  /** The returned value as a list of item texts and of `{"plain": [json, ...]}`, which holds up to 500 items in one. */
  function listText(value: unknown): string {
    if (value === undefined) return '[]';
    if (!isArray(value)) {
      counted(1);
      return `[${measured(itemText(value))}]`;
    }
    // Read once, because a proxy may tell another length each time. Too many are refused before any of them is looked at.
    const length = +value.length;
    counted(length > 0 ? length : 0);
    const mayBeInput = mayHoldInputs(value);
    let text = '';
    for (let i = 0; i < length;) {
      const run: unknown[] = [];
      let next: unknown = value[i];
      while (run.length < 500 && i + run.length < length && isPlain(next, mayBeInput)) {
        run[run.length] = next;
        next = value[i + run.length];
      }
      const one = run.length < 2 ? itemText(value[i], i) : plainText(run, i);
      i += run.length < 2 ? 1 : run.length;
      text += text === '' ? measured(one) : `,${measured(one)}`;
    }
    return `[${text}]`;
  }

  function plainText(run: unknown[], from: number): string {
    try {
      return `{"plain":${toText(run)}}`;
    } catch (thrown) {
      if (!(thrown instanceof Unusable)) throw thrown;
      // One by one, to say which element it is.
      let text = '';
      for (let i = 0; i < run.length; i += 1) text += (i === 0 ? '' : ',') + itemText(run[i], from + i);
      return text;
    }
  }

  // ---- errors -------------------------------------------------------------------------------------------------------

  /** Reads a thrown value without trusting it: its getters may throw, lie or be missing. */
  function problemOf(thrown: unknown): Problem {
    if (thrown instanceof Unusable) return thrown.problem;
    let name = '';
    let message = '';
    let stack = '';
    try {
      if (typeof thrown === 'object' && thrown !== null) {
        const error = thrown as { name?: unknown; message?: unknown; stack?: unknown };
        if (typeof error.name === 'string') name = error.name;
        if (typeof error.message === 'string') message = error.message;
        if (typeof error.stack === 'string') stack = error.stack;
        if (message === '' && name === '') message = toText(thrown);
      } else {
        message = `threw ${describe(thrown)}`;
      }
    } catch {
      message = 'threw a value that cannot be read';
    }
    if (name === 'InternalError' && message === 'out of memory') return { code: 'CODE_MEMORY', message: '' };
    if (name === 'ReferenceError' && job?.mode === 'all-items' && apply(exec, /^'?\$(json|item|itemIndex)\b/, [message]) !== null) {
      message += ' (this step runs once for all items: use $input.all())';
    }
    const problem: Problem = {
      code: 'CODE_THREW',
      message: apply(slice, name === '' || name === 'Error' ? message : `${name}: ${message}`, [0, 1800]),
    };
    const place = apply(exec, /code\.js:(\d+)(?::(\d+))?/, [stack]) as string[] | null;
    if (place !== null) {
      // The wrapper puts the user's first line on line 2.
      problem.line = Number(place[1]) - 1;
      if (place[2] !== undefined) problem.column = Number(place[2]);
    }
    return problem;
  }

  // ---- the job ------------------------------------------------------------------------------------------------------

  let job: GuestInput | undefined;
  let code: () => unknown = () => undefined;
  let index = 0;
  let total = 0;
  let sizeSoFar = 0;
  let itemsSoFar = 0;
  let outcomes = '';
  let reply: string | undefined;
  /** Counts settlements, so that a promise that settles twice or late changes nothing. */
  let turn = 0;
  /** Of many input items; a few are compared one by one. */
  let sources: Map<unknown, number> | undefined;

  function accept(value: unknown): void {
    const input = job as GuestInput;
    if (input.mode === 'all-items') {
      reply = `{"items":${listText(value)}}`;
      return;
    }
    let text: string;
    try {
      text = `{"ok":${listText(value)}}`;
    } catch (thrown) {
      text = errorText(thrown);
    }
    add(text);
  }

  function errorText(thrown: unknown): string {
    const problem = problemOf(thrown);
    // Memory and output limits belong to the whole job, not to one of its items.
    if (problem.code === 'CODE_MEMORY' || problem.code === 'CODE_OUTPUT_TOO_LARGE' || problem.code === 'CODE_TOO_MANY_ITEMS') throw thrown;
    return `{"error":${stringify(problem)}}`;
  }

  function add(text: string): void {
    outcomes += outcomes === '' ? text : `,${text}`;
    index += 1;
  }

  function counted(items: number): void {
    itemsSoFar += items;
    if (itemsSoFar > (job as GuestInput).maxItems) throw new Unusable('CODE_TOO_MANY_ITEMS', '');
  }

  function measured(text: string): string {
    sizeSoFar += text.length;
    if (sizeSoFar > (job as GuestInput).outputBytes) throw new Unusable('CODE_OUTPUT_TOO_LARGE', '');
    return text;
  }

  /** Runs items until one has to wait for a promise, or all are done. */
  function advance(): void {
    const input = job as GuestInput;
    try {
      while (index < total) {
        if (input.mode === 'each-item') setCurrent(input, index);
        let value: unknown;
        try {
          value = code();
          if (isThenable(value)) {
            waitFor(value);
            return;
          }
        } catch (thrown) {
          if (input.mode === 'all-items') throw thrown;
          add(errorText(thrown));
          continue;
        }
        accept(value);
        if (input.mode === 'all-items') return;
      }
      reply = `{"perItem":[${outcomes}]}`;
    } catch (thrown) {
      fail(thrown);
    }
  }

  function fail(thrown: unknown): void {
    reply = `{"error":${stringify(problemOf(thrown))}}`;
  }

  function isThenable(value: unknown): boolean {
    return typeof value === 'object' && value !== null && (value instanceof PromiseClass || typeof (value as Dict)['then'] === 'function');
  }

  function waitFor(value: unknown): void {
    turn += 1;
    const mine = turn;
    const settle = (failed: boolean, result: unknown): void => {
      if (mine !== turn || reply !== undefined) return;
      turn += 1;
      try {
        if (!failed) accept(result);
        else if ((job as GuestInput).mode === 'all-items') fail(result);
        else add(errorText(result));
      } catch (thrown) {
        fail(thrown);
      }
      if (reply === undefined) advance();
    };
    const promise = apply(promiseResolve, PromiseClass, [value]);
    void apply(promiseThen, promise, [(result: unknown) => settle(false, result), (thrown: unknown) => settle(true, thrown)]);
  }

  function setCurrent(input: GuestInput, i: number): void {
    const item = input.items[i] as GuestItem;
    global['$json'] = item.json;
    global['$item'] = item;
    global['$itemIndex'] = i;
  }

  function start(fn: () => unknown, text: string): string | undefined {
    const input = parse(text) as GuestInput;
    job = input;
    code = fn;
    total = input.mode === 'each-item' ? input.items.length : 1;
    const items: GuestItem[] = [];
    for (let i = 0; i < input.items.length; i += 1) {
      const item = input.items[i] as GuestItem;
      item.files ??= {};
      items[i] = item;
    }
    if (input.mode === 'all-items' && items.length > 4) sources = new MapClass();
    for (let i = 0; sources !== undefined && i < items.length; i += 1) {
      apply(mapSet, sources, [items[i], i]);
      apply(mapSet, sources, [(items[i] as GuestItem).json, i]);
    }
    const input$ = view(items, () => (input.mode === 'each-item' ? items[index] : items.length === 1 ? items[0] : noItem('$input')));
    global['$input'] = input$;
    global['$run'] = input.run;
    global['$workflow'] = input.workflow;
    global['$vars'] = input.vars;
    global['$now'] = input.now;
    const views = new MapClass<string, object>();
    global['$'] = (name: unknown): object => {
      if (typeof name !== 'string' || !hasOwn(input.nodes, name)) {
        throw new ReferenceError(
          `$(${typeof name === 'string' ? stringify(name) : ''}): no earlier node of this workflow has that name and gave data`,
        );
      }
      const known = apply(mapGet, views, [name]) as object | undefined;
      if (known !== undefined) return known;
      const node = input.nodes[name] as { items: GuestItem[]; paired?: (number | null)[] };
      for (let i = 0; i < node.items.length; i += 1) (node.items[i] as GuestItem).files ??= {};
      const made = view(node.items, () => {
        const at = total === 1 && input.mode === 'all-items' && input.items.length > 1 ? undefined : node.paired?.[index];
        if (at !== undefined && at !== null) return node.items[at];
        return node.items.length === 1 ? node.items[0] : noItem(`$(${stringify(name)})`);
      });
      apply(mapSet, views, [name, made]);
      return made;
    };
    advance();
    return reply;
  }

  function noItem(what: string): never {
    throw new TypeError(`${what}.item: no single item belongs here; use .first(), .last() or .all()`);
  }

  function view(items: readonly GuestItem[], current: () => unknown): object {
    const all = (): GuestItem[] => {
      const copy: GuestItem[] = [];
      for (let i = 0; i < items.length; i += 1) copy[i] = items[i] as GuestItem;
      return copy;
    };
    const made = { first: () => items[0], last: () => items[items.length - 1], all };
    return defineProperty(made, 'item', { get: current, enumerable: true });
  }

  function finish(): string | undefined {
    if (reply !== undefined) return reply;
    turn += 1;
    const stuck = new Unusable(
      'CODE_NEVER_SETTLED',
      'The code waits for a promise that nothing will resolve; code steps have no timers and no network.',
    );
    if ((job as GuestInput).mode === 'all-items') {
      fail(stuck);
    } else {
      add(errorText(stuck));
      advance();
    }
    return reply;
  }

  // ---- the world of the code ----------------------------------------------------------------------------------------

  function define(name: string, value: unknown): void {
    defineProperty(global, name, { value, writable: true, configurable: true, enumerable: false });
  }

  function logText(value: unknown): string {
    if (typeof value === 'string') return value;
    try {
      if (typeof value === 'object' && value !== null) {
        if (value instanceof Error) {
          const problem = problemOf(value);
          return problem.line === undefined ? problem.message : `${problem.message} (line ${problem.line})`;
        }
        return stringify(value) ?? 'undefined';
      }
      return typeof value === 'function' ? `[function ${value.name}]` : String(value);
    } catch {
      return '[unreadable]';
    }
  }

  const logger = (level: string) => {
    return (...values: unknown[]): void => {
      let text = '';
      for (let i = 0; i < values.length; i += 1) text += (i === 0 ? '' : ' ') + logText(values[i]);
      host('log', level, job?.mode === 'each-item' ? String(index) : '', text);
    };
  };
  define('console', { log: logger('info'), info: logger('info'), warn: logger('warn'), error: logger('error'), debug: logger('debug') });

  const missing: readonly [string, string][] = [
    ['setTimeout', 'nothing waits inside a code step; use a wait node'],
    ['setInterval', 'nothing waits inside a code step; use a wait node'],
    ['setImmediate', 'nothing waits inside a code step; await a promise'],
    ['fetch', 'code steps have no network; use an http-request node'],
    ['require', 'code steps load no modules; plain JavaScript only'],
  ];
  for (const [name, hint] of missing) {
    define(name, () => {
      throw new ReferenceError(`${name} is not available: ${hint}`);
    });
  }

  // Every job starts from the same memory image, so the engine's own generator would repeat itself.
  let seeded = false;
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const next32 = (): number => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return t >>> 0;
  };
  defineProperty(Math, 'random', {
    writable: true,
    configurable: true,
    value: function random(): number {
      if (!seeded) {
        const seed = parse(host('seed') ?? '[1,2,3,4]') as number[];
        [a, b, c, d] = [seed[0] ?? 1, seed[1] ?? 2, seed[2] ?? 3, seed[3] ?? 4];
        seeded = true;
        for (let i = 0; i < 8; i += 1) next32();
      }
      return (next32() * 2097152 + (next32() >>> 11)) / 9007199254740992;
    },
  });

  define(
    'TextEncoder',
    class TextEncoder {
      readonly encoding = 'utf-8';
      encode(text: unknown = ''): Uint8Array {
        const wellFormed = (String(text) as unknown as { toWellFormed(): string }).toWellFormed();
        const bytes: number[] = [];
        for (let i = 0; i < wellFormed.length; i += 1) {
          const point = wellFormed.codePointAt(i) as number;
          if (point > 0xffff) i += 1;
          if (point < 0x80) bytes.push(point);
          else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 63));
          else if (point < 0x10000) bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
          else bytes.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 63), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
        }
        return new Uint8Array(bytes);
      }
    },
  );

  define(
    'TextDecoder',
    class TextDecoder {
      readonly encoding = 'utf-8';
      constructor(label: unknown = 'utf-8') {
        if (!/^(utf-?8|unicode-1-1-utf-8)$/i.test(String(label).trim()))
          throw new RangeError(`TextDecoder: only utf-8 is available, not ${String(label)}`);
      }
      decode(input?: ArrayBuffer | ArrayBufferView): string {
        if (input === undefined) return '';
        const bytes = isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input);
        let text = '';
        let i = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
        while (i < bytes.length) {
          const first = bytes[i] as number;
          const more =
            first < 0x80
              ? 0
              : first >= 0xc2 && first < 0xe0
                ? 1
                : first >= 0xe0 && first < 0xf0
                  ? 2
                  : first >= 0xf0 && first < 0xf5
                    ? 3
                    : -1;
          i += 1;
          if (more === 0) {
            text += String.fromCharCode(first);
            continue;
          }
          let point = more < 0 ? 0xfffd : first & (0x3f >> more);
          for (let left = more; left > 0; left -= 1) {
            const byte = bytes[i];
            const low = left === more && first === 0xe0 ? 0xa0 : left === more && first === 0xf0 ? 0x90 : 0x80;
            const high = left === more && first === 0xed ? 0x9f : left === more && first === 0xf4 ? 0x8f : 0xbf;
            if (byte === undefined || byte < low || byte > high) {
              point = 0xfffd;
              break;
            }
            point = (point << 6) | (byte & 63);
            i += 1;
          }
          text += String.fromCodePoint(point);
        }
        return text;
      }
    },
  );

  define('structuredClone', (value: unknown): unknown => {
    const seen = new MapClass<unknown, unknown>();
    const clone = (from: unknown): unknown => {
      if (typeof from === 'function' || typeof from === 'symbol') throw new TypeError(`structuredClone: a ${typeof from} cannot be cloned`);
      if (typeof from !== 'object' || from === null) return from;
      if (seen.has(from)) return seen.get(from);
      const keep = <T>(copy: T): T => {
        seen.set(from, copy);
        return copy;
      };
      if (from instanceof Date) return keep(new Date(from.getTime()));
      if (from instanceof RegExp) return keep(new RegExp(from.source, from.flags));
      if (from instanceof ArrayBuffer) return keep(from.slice(0));
      if (isView(from)) return keep(from instanceof DataView ? new DataView(from.buffer.slice(0)) : (from as Uint8Array).slice());
      if (from instanceof MapClass) {
        const copy = keep(new MapClass<unknown, unknown>());
        for (const [key, inner] of from) copy.set(clone(key), clone(inner));
        return copy;
      }
      if (from instanceof Set) {
        const copy = keep(new Set<unknown>());
        for (const inner of from) copy.add(clone(inner));
        return copy;
      }
      if (from instanceof Error) {
        const copy = keep(new Error(from.message));
        copy.name = from.name;
        return copy;
      }
      const copy: Dict = keep(isArray(from) ? ([] as unknown as Dict) : {});
      if (isArray(from)) (copy as unknown as unknown[]).length = from.length;
      for (const key of keys(from))
        defineProperty(copy, key, { value: clone((from as Dict)[key]), writable: true, enumerable: true, configurable: true });
      return copy;
    };
    return clone(value);
  });

  /** Longer texts would be cut off on their way to the host. */
  function ask(name: 'url' | 'urlSet' | 'queryParse' | 'queryFormat', ...texts: string[]): string | undefined {
    for (let i = 0; i < texts.length; i += 1) {
      if ((texts[i] as string).length > 300_000) throw new RangeError('URL and URLSearchParams take at most 300,000 characters here');
    }
    return host(name, ...texts);
  }

  class Query {
    #pairs: [string, string][] = [];
    #changed: (() => void) | undefined;
    constructor(init: unknown = '', changed?: () => void) {
      this.#changed = changed;
      if (typeof init === 'object' && init !== null) {
        const entries = Symbol.iterator in init ? [...(init as Iterable<[unknown, unknown]>)] : Object.entries(init);
        this.#pairs = entries.map(([key, value]) => [String(key), String(value)]);
      } else {
        this.#pairs = parse(ask('queryParse', String(init)) ?? '[]') as [string, string][];
      }
    }
    get size(): number {
      return this.#pairs.length;
    }
    append(key: unknown, value: unknown): void {
      this.#pairs.push([String(key), String(value)]);
      this.#changed?.();
    }
    delete(key: unknown): void {
      this.#pairs = this.#pairs.filter((pair) => pair[0] !== String(key));
      this.#changed?.();
    }
    get(key: unknown): string | null {
      return this.#pairs.find((pair) => pair[0] === String(key))?.[1] ?? null;
    }
    getAll(key: unknown): string[] {
      return this.#pairs.filter((pair) => pair[0] === String(key)).map((pair) => pair[1]);
    }
    has(key: unknown): boolean {
      return this.#pairs.some((pair) => pair[0] === String(key));
    }
    set(key: unknown, value: unknown): void {
      const at = this.#pairs.findIndex((pair) => pair[0] === String(key));
      if (at < 0) this.#pairs.push([String(key), String(value)]);
      else
        this.#pairs = this.#pairs
          .filter((pair, i) => i <= at || pair[0] !== String(key))
          .map((pair, i) => (i === at ? [pair[0], String(value)] : pair));
      this.#changed?.();
    }
    sort(): void {
      this.#pairs.sort((x, y) => (x[0] < y[0] ? -1 : x[0] > y[0] ? 1 : 0));
      this.#changed?.();
    }
    forEach(fn: (value: string, key: string, query: Query) => void): void {
      for (const [key, value] of this.#pairs) fn(value, key, this);
    }
    *entries(): Generator<[string, string]> {
      for (const [key, value] of this.#pairs) yield [key, value];
    }
    *keys(): Generator<string> {
      for (const [key] of this.#pairs) yield key;
    }
    *values(): Generator<string> {
      for (const [, value] of this.#pairs) yield value;
    }
    [Symbol.iterator](): Generator<[string, string]> {
      return this.entries();
    }
    toString(): string {
      return ask('queryFormat', stringify(this.#pairs)) ?? '';
    }
  }
  defineProperty(Query, 'name', { value: 'URLSearchParams' });
  define('URLSearchParams', Query);

  class Address {
    #parts: { [part: string]: string };
    #query: Query | undefined;
    constructor(url: string, base?: string) {
      const text = base === undefined ? ask('url', String(url)) : ask('url', String(url), String(base));
      if (text === undefined) throw new TypeError(`Invalid URL: ${apply(slice, String(url), [0, 200])}`);
      this.#parts = parse(text) as { [part: string]: string };
    }
    static canParse(url: string, base?: string): boolean {
      return (base === undefined ? ask('url', String(url)) : ask('url', String(url), String(base))) !== undefined;
    }
    get searchParams(): Query {
      this.#query ??= new Query(this.#parts['search'], () => this.#set('search', String(this.#query)));
      return this.#query;
    }
    #set(part: string, value: string): void {
      const text = ask('urlSet', this.#parts['href'] as string, part, value);
      if (text !== undefined) this.#parts = parse(text) as { [part: string]: string };
    }
    static {
      const names = ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'hash'];
      for (const part of names) {
        defineProperty(this.prototype, part, {
          configurable: true,
          enumerable: true,
          get(this: Address) {
            return this.#parts[part];
          },
          set(this: Address, value: unknown) {
            if (part === 'origin') return;
            this.#set(part, String(value));
            if (part === 'search' || part === 'href') this.#query = undefined;
          },
        });
      }
    }
    toString(): string {
      return this.#parts['href'] as string;
    }
    toJSON(): string {
      return this.#parts['href'] as string;
    }
  }
  defineProperty(Address, 'name', { value: 'URL' });
  define('URL', Address);

  return { start, finish };
}
