/**
 * Runs a node type in a test as the server does: parameters with defaults, coerced and without hidden ones, over a transport that
 * encodes everything to JSON. What passes here runs there.
 */
import type { BatchOutput, CallEnd, CallInput, CallSpec, ItemOutcome, LogLine, RpcOp } from '@plugboard/engine';
import { createPluginHost, inProcess, loopback, pluginEntry } from '@plugboard/plugin-host';
import { coerceParams, definePlugin, isPlugin, StepFailure } from '@plugboard/sdk';
import type { Item, Json, JsonObject, NodeDefinition, NodeTypeIR, ParamIR, ParamProblem, Plugin, StepError } from '@plugboard/sdk';
import { type TestFile, type TestState, answerState, fakeConnect, fakeFiles } from './fake-reach.ts';
import { fakeWeb } from './fake-web.ts';
import type { Responder, SentRequest } from './fake-web.ts';

/** A value, or a function of the item where the server would evaluate an expression per item. */
export type HarnessParam = Json | ((json: JsonObject, i: number) => Json | undefined);

export interface HarnessRun {
  /** JSON of the outputs on the port `main`, in order. */
  readonly items: readonly JsonObject[];
  /** Outputs by port, in order. */
  readonly ports: { readonly [port: string]: readonly Item[] };
  /** Ancestors of each output by port, as indexes of input items; undefined where the step named none. */
  readonly from: { readonly [port: string]: readonly (readonly number[] | undefined)[] };
  /** Failed items; `i` is undefined for a failure of the whole step. */
  readonly errors: readonly { readonly i?: number; readonly error: StepError; readonly isUnknown: boolean }[];
  readonly logs: readonly LogLine[];
  readonly requests: readonly SentRequest[];
  /** Replies to the webhook request, and code the step ran. */
  readonly rpcs: readonly RpcOp[];
  /** Files the step made, in order. */
  readonly files: readonly TestFile[];
  readonly end: CallEnd;
}

export interface RunOptions {
  /** @default 'loopback' */
  readonly transport?: 'loopback' | 'in-process';
  /** @default 10 */
  readonly concurrency?: number;
  /** Time limit in milliseconds; 0 = none. @default 0 */
  readonly deadlineMs?: number;
  /** @default 1 */
  readonly attempt?: number;
  /** Rounds of the loop so far. @default 0 */
  readonly round?: number;
  readonly signal?: AbortSignal;
  /** Names the run, for what is kept between runs. @default 'run' */
  readonly runId?: string;
  /** How long a stopped step may take to end, in milliseconds. @default 5000 */
  readonly graceMs?: number;
}

export interface Harness {
  params(params: { readonly [name: string]: HarnessParam }): Harness;
  /** Input items on the port `main`, as JSON. */
  items(items: readonly JsonObject[]): Harness;
  /** Input items of a port, with files if they have some. */
  input(port: string, items: readonly Item[]): Harness;
  /** Answers requests to an address; `*` at its end stands for any rest. */
  respond(url: string, responder: Responder): Harness;
  /** Answers what the step asks of the server, such as `code.run`. */
  rpc(answer: (op: RpcOp, item: number | undefined) => Json | Promise<Json>): Harness;
  /** Files there are. */
  files(...files: readonly TestFile[]): Harness;
  /** Values kept between runs: give the same map to several runs. Without one each run begins with none. */
  state(state: TestState): Harness;
  /** Fills a credential slot, for steps that open it. */
  credential(slot: string, fields: JsonObject): Harness;
  /** Servers the step may connect to, as `host:port`. */
  connect(...hosts: readonly string[]): Harness;
  run(options?: RunOptions): Promise<HarnessRun>;
}

/** @param id Which of a plugin's node types; its highest version counts. */
export function harness(of: Plugin | NodeDefinition, id?: string): Harness {
  const plugin = isPlugin(of) ? of : definePlugin({ id: 'test', title: 'Test', nodes: [of] });
  const entry = pluginEntry(plugin);
  const wanted = isPlugin(of) ? id : of.id;
  const types = entry.ir.types.filter(
    (one): one is NodeTypeIR => one.kind === 'node' && (wanted === undefined || one.type === `${plugin.id}/${wanted}`),
  );
  const type = types.toSorted((a, b) => b.version - a.version)[0];
  if (type === undefined) throw new Error(`The plugin ${plugin.id} has no node type ${wanted ?? ''}.`);
  return build(plugin, type, {
    params: {},
    inputs: {},
    responders: [],
    rpc: undefined,
    files: [],
    state: undefined,
    hosts: [],
    credentials: {},
  });
}

interface Setup {
  readonly params: { readonly [name: string]: HarnessParam };
  readonly inputs: { readonly [port: string]: readonly Item[] };
  readonly responders: readonly (readonly [string, Responder])[];
  readonly rpc: ((op: RpcOp, item: number | undefined) => Json | Promise<Json>) | undefined;
  readonly files: readonly TestFile[];
  readonly state: TestState | undefined;
  readonly hosts: readonly string[];
  readonly credentials: { readonly [slot: string]: JsonObject };
}

function build(plugin: Plugin, type: NodeTypeIR, setup: Setup): Harness {
  const change = (part: Partial<Setup>): Harness => build(plugin, type, { ...setup, ...part });
  return {
    params: (params) => change({ params }),
    items: (items) => change({ inputs: { ...setup.inputs, main: items.map((json) => ({ json })) } }),
    input: (port, items) => change({ inputs: { ...setup.inputs, [port]: items } }),
    respond: (url, responder) => change({ responders: [...setup.responders, [url, responder]] }),
    rpc: (answer) => change({ rpc: answer }),
    files: (...files) => change({ files: [...setup.files, ...files] }),
    state: (state) => change({ state }),
    credential: (slot, fields) => change({ credentials: { ...setup.credentials, [slot]: fields } }),
    connect: (...hosts) => change({ hosts: [...setup.hosts, ...hosts] }),
    run: (options) => run(plugin, type, setup, options ?? {}),
  };
}

async function run(plugin: Plugin, type: NodeTypeIR, setup: Setup, options: RunOptions): Promise<HarnessRun> {
  const transport = options.transport === 'in-process' ? inProcess : loopback;
  const host = createPluginHost({ entries: [pluginEntry(plugin)], transport, graceMs: options.graceMs ?? 5_000 });
  const web = fakeWeb();
  for (const [url, responder] of setup.responders) web.respond(url, responder);
  const outcomes: ItemOutcome[] = [];
  const logs: LogLine[] = [];
  const rpcs: RpcOp[] = [];
  const files = fakeFiles(setup.files);
  const state: TestState = setup.state ?? new Map();
  const sink = {
    outcomes: (some: readonly ItemOutcome[]) => void outcomes.push(...some),
    log: (lines: readonly LogLine[]) => void logs.push(...lines),
    rpc: async (op: RpcOp, item?: number): Promise<Json> => {
      rpcs.push(op);
      const kept = answerState(state, options.runId ?? 'run', op);
      if (kept !== undefined) return kept.value;
      if (op.op === 'credential.open') return setup.credentials[op.slot] ?? null;
      if (setup.rpc !== undefined) return setup.rpc(op, item);
      // A budget without an end.
      if (op.op === 'reply.send' || op.op.startsWith('money.')) return null;
      throw new StepFailure('TEST_NO_ANSWER', `The test has no answer for ${op.op}. Add .rpc(…).`);
    },
    fetch: web.fetch,
    files,
    connect: fakeConnect(setup.hosts),
  };
  const end = await host.call(specOf(type, setup, options), sink, options.signal ?? new AbortController().signal);
  return { ...gather(end, outcomes), logs, requests: web.requests, rpcs, files: files.made, end };
}

let calls = 0;

function specOf(type: NodeTypeIR, setup: Setup, options: RunOptions): CallSpec {
  const inputs: { [port: string]: CallInput[] } = {};
  let i = 0;
  const given = Object.keys(setup.inputs).length > 0 ? setup.inputs : { main: [] };
  for (const [port, items] of Object.entries(given)) {
    inputs[port] = items.map((item) => {
      const own = i++;
      return {
        i: own,
        ...item,
        params: paramsFor(type, setup, (ir) => type.per === 'item' || ir.perItem === true, item.json, own),
        key: `key-${own}`,
      };
    });
  }
  return {
    call: ++calls,
    type: type.type,
    version: type.version,
    node: { id: 'node', name: type.title },
    run: {
      id: options.runId ?? 'run',
      workflowId: 'workflow',
      workflowName: 'Test',
      workspaceId: 'workspace',
      version: 1,
      environment: 'draft',
    },
    now: '2026-01-01T00:00:00.000Z',
    attempt: options.attempt ?? 1,
    ...(options.round === undefined ? {} : { round: options.round }),
    deadlineMs: options.deadlineMs ?? 0,
    concurrency: options.concurrency ?? 10,
    constants: type.per === 'batch' ? paramsFor(type, setup, (ir) => ir.perItem !== true, {}, 0) : {},
    inputs,
    key: 'key',
    ...(Object.keys(setup.credentials).length > 0 && { slots: Object.keys(setup.credentials) }),
    ...(isPerItemOutcome(type, setup) && { outcomes: 'item' as const }),
  };
}

function isPerItemOutcome(type: NodeTypeIR, setup: Setup): boolean {
  const { atomic } = type;
  if (type.per === 'item' || atomic === undefined || atomic === true) return false;
  if (atomic === false) return true;
  const value = setup.params[atomic.by] ?? type.params[atomic.by]?.default;
  return !atomic.values.includes(typeof value === 'boolean' ? String(value) : typeof value === 'string' ? value : '');
}

/** The chosen parameters as the server hands them over: for one item, or once for a batch. */
function paramsFor(type: NodeTypeIR, setup: Setup, chosen: (ir: ParamIR) => boolean, json: JsonObject, i: number): JsonObject {
  const params = Object.fromEntries(Object.entries(type.params).filter(([, ir]) => chosen(ir)));
  const values: { [name: string]: Json } = {};
  for (const [name, param] of Object.entries(setup.params)) {
    if (!Object.hasOwn(type.params, name))
      throw new Error(`${type.type} has no parameter ${name}. It has: ${Object.keys(type.params).join(', ')}.`);
    if (!Object.hasOwn(params, name)) continue;
    const value = typeof param === 'function' ? param(json, i) : param;
    if (value !== undefined) values[name] = value;
  }
  const coerced = coerceParams(params, values);
  if (coerced.ok) return coerced.value;
  throw new Error(`The parameters do not fit ${type.type}:\n${coerced.problems.map(problemLine).join('\n')}`);
}

function problemLine({ code, message, path }: ParamProblem): string {
  return `  ${path.join('.')}: ${message} (${code})`;
}

interface PortOutput {
  readonly port: string;
  readonly item: Item;
  readonly from: readonly number[] | undefined;
}

function gather(end: CallEnd, outcomes: readonly ItemOutcome[]): Pick<HarnessRun, 'items' | 'ports' | 'from' | 'errors'> {
  const sorted = outcomes.toSorted((a, b) => a.i - b.i);
  const perItem = sorted.flatMap((outcome) =>
    ('ok' in outcome ? outcome.ok : []).map((one): PortOutput => ({
      port: one.port ?? 'main',
      item: one.item,
      from: [outcome.i, ...(one.from ?? [])],
    })),
  );
  const whole = (end.ok ? (end.outputs ?? []) : []).map(batchOutput);
  const ports: { [port: string]: Item[] } = {};
  const from: { [port: string]: (readonly number[] | undefined)[] } = {};
  for (const output of [...perItem, ...whole]) {
    (ports[output.port] ??= []).push(output.item);
    (from[output.port] ??= []).push(output.from);
  }
  const failed = sorted.flatMap((outcome) =>
    'error' in outcome ? [{ i: outcome.i, error: outcome.error, isUnknown: outcome.unknown === true }] : [],
  );
  const errors = end.ok ? failed : [...failed, { error: end.error, isUnknown: end.missing === 'unknown' }];
  return { items: (ports['main'] ?? []).map((one) => one.json), ports, from, errors };
}

function batchOutput({ port, json, files, from }: BatchOutput): PortOutput {
  return { port: port ?? 'main', item: files === undefined ? { json } : { json, files }, from };
}
