/**
 * Carries out one attempt of a step: evaluates parameters, calls the plugin, and turns what comes back into events.
 * Writes go in windows: each window's parameters are fixed in the journal and durable before any of its items acts.
 */
import {
  type BatchOutput,
  type CallEnd,
  type CallInput,
  type CallSpec,
  type Command,
  type ItemOutcome,
  type LogLine,
  type Outputs,
  type PlanNode,
  type RpcOp,
  type RunEvent,
  type StartedItem,
  type StepInput,
  type StepPhase,
  type StepState,
  type StepWait,
  UNIT,
  stepScopes,
} from '@plugboard/engine';
import { type Json, type JsonObject, type StepError, StepFailure, type WorkflowCall } from '@plugboard/sdk';
import type { ActiveRun, CallUnderWay } from './active-run.ts';
import { CallInputMaker, type CallInputs, type ScopeSource, type StepScopes, all } from './call-inputs.ts';
import { batchOutputs, batchOutputsInParts, itemOutputs, itemOutputsInParts, tooManyItems, unitOutputs } from './call-outputs.ts';
import { mockedReach, mockedState } from './mocked-reach.ts';
import { SizeCount, tooLarge } from './size-budget.ts';
import { originOf } from './origin-run.ts';
import { type PayingStep, spend } from './step-spending.ts';
import type { StepOwner } from './step-ports.ts';
import type { StepServices } from './step-services.ts';
import { type SinkSource, StepSink } from './step-sink.ts';
import type { Sliced } from './turns.ts';

/** A read that takes longer than this reports its finished items in between, in milliseconds. */
const PARTIAL_REPORT_MS = 1000;
/** Up to so many items a call that ends at once is measured by the text of its event alone. */
const FEW_ITEMS = 32;
/** Items that are measured between two looks at the clock, and told to the engine in one event. */
const MEASURED_ITEMS = 64;
const TOLD_ITEMS = 10_000;

/** A run stays in memory for a wait up to this long, in milliseconds. */
const SHORT_WAIT_MS = 5000;

const UNMEASURED = { text: 0, added: 0 } as const;
/** Of a call there are many: what it leaves out costs no object. */
const NOTHING = {};
/** Never written: the first outcome makes a list. */
const NO_OUTCOMES: ItemOutcome[] = [];
const FIRST_ONLY: readonly number[] = [0];

const NOT_SENT: StepError = { code: 'STEP_STOPPED', kind: 'cancelled', message: 'The run was stopped before this item was sent.' };
const FAULT: StepError = {
  code: 'RUNNER_FAILED',
  kind: 'bug',
  message: 'The server met an unexpected error in this step. Its log has the details.',
};

/** What a call over many items gave; `told` when the engine has heard of them item by item. */
type Assembled = { readonly kind: 'outputs'; readonly outputs: Outputs } | { readonly kind: 'too-large' } | { readonly kind: 'told' };

export class StepCall implements CallUnderWay, SinkSource, ScopeSource {
  readonly run: ActiveRun;
  readonly node: PlanNode;
  readonly step: StepState;
  /** The step as its events name it. */
  readonly #on: { readonly node: string; readonly path?: readonly number[] };
  readonly services: StepServices;
  readonly #attempt: number;
  readonly #input: StepInput;
  readonly startedAt: number;
  readonly #maker: CallInputMaker;
  readonly #units: readonly number[];
  #logs: LogLine[] | undefined;
  #outcomes: ItemOutcome[] = NO_OUTCOMES;
  /** Items given so far in this attempt. */
  #given = 0;
  #reportedAt: number;
  #stopped = false;
  /** The attempt is not over in the turn of the event loop in which it began. */
  #takesTime = false;
  /** The engine knows of some items of this step already, so that the rest is told item by item too. */
  #partial: boolean;
  /** Of the call under way; undefined means all items. */
  #callInputs: readonly CallInput[] | undefined;
  /** Of what the attempt has given so far. */
  #size: SizeCount | undefined;
  /** Size that the engine has been told of. */
  #toldSize = 0;
  /** What the step waits for now that its call has ended. */
  #waits: Extract<CallEnd, { ok: true }>['wait'];
  /** Why nothing more is taken from the call under way. */
  #overflow: StepError | undefined;
  /** Ends the call under way; made for calls over many items. */
  #halt: AbortController | undefined;

  constructor(run: ActiveRun, step: StepState, node: PlanNode, services: StepServices, command: Extract<Command, { type: 'run-step' }>) {
    const { attempt, units } = command;
    this.run = run;
    this.node = node;
    this.services = services;
    this.#attempt = attempt;
    this.step = step;
    this.#input = step.input ?? { parts: [], count: 0 };
    const { path } = step.scope;
    this.#on = path.length > 0 ? { node: node.id, path } : { node: node.id };
    this.startedAt = services.now();
    this.#reportedAt = this.startedAt;
    this.#maker = new CallInputMaker(node, this.#input, services.maxStepBytes, this);
    this.#partial = units !== undefined;
    this.#units = units ?? (node.perBatch || this.#input.count === 1 ? FIRST_ONLY : all(this.#input.count));
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Made for the first expression; most steps of a chain have none. */
  scopes(): StepScopes {
    return stepScopes(this.run.state, this.step, this.services.stepFacts(this.run, this.step, this.startedAt));
  }

  /** Runs the attempt. True when it ended at once, without a turn of the event loop. */
  start(): boolean {
    const { broken } = this.node.params;
    if (broken) {
      this.#fail(broken);
      return true;
    }
    if (this.node.effects === 'write') {
      void this.#untilOver(() => this.#writeWindows());
      return false;
    }
    try {
      return this.#callAll();
    } catch (error) {
      this.#crash(error);
      return true;
    }
  }

  #callAll(): boolean {
    const made = this.#maker.makeAtOnce(this.#units) ?? this.services.turns.run(this.#maker.make(this.#units), () => this.#mayAct());
    const underWay = made instanceof Promise ? this.#callLater(made) : this.#callWith(made);
    if (!underWay) return true;
    this.#takesTime = true;
    this.#apply({ type: 'step.started', at: this.startedAt, ...this.#on, attempt: this.#attempt });
    void this.#untilOver(() => underWay);
    return false;
  }

  async #callLater(making: Promise<CallInputs | undefined>): Promise<void> {
    const made = await making;
    // Stopped meanwhile: nothing is called.
    if (made) await this.#callWith(made);
  }

  /** Undefined when the call and what follows from it ended at once. */
  #callWith(made: CallInputs): Promise<void> | undefined {
    if (made.error) return this.#failWith(made.error);
    for (const outcome of made.failed) this.#add(outcome);
    if (made.inputs.length === 0 && !this.node.wholeInput) return this.#finish({ ok: true });
    const ended = this.#call(made, this.#signal(made.inputs.length));
    return ended instanceof Promise ? ended.then((end) => this.#finish(end)) : this.#finish(ended);
  }

  #signal(count: number): AbortSignal {
    const { signal } = this.run.abort;
    if (count <= FEW_ITEMS) return signal;
    this.#halt = new AbortController();
    return AbortSignal.any([signal, this.#halt.signal]);
  }

  #round(): number | undefined {
    const { loop, scope } = this.step;
    return loop ? loop.begun : scope.path.at(-1);
  }

  /** Whatever goes wrong in the server while an attempt takes time fails the step: no run is left waiting for it. */
  async #untilOver(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#crash(error);
    }
    this.services.callEnded(this.run, this.step);
  }

  #crash(error: unknown): void {
    this.services.report(this.run, error);
    this.#report();
    // A write in flight may have happened.
    this.#fail(FAULT, this.node.effects === 'write');
  }

  #call(made: CallInputs, signal: AbortSignal, key?: string): CallEnd | Promise<CallEnd> {
    const node = this.node;
    const services = this.services;
    this.#callInputs = node.perBatch ? undefined : made.inputs;
    const spec: { -readonly [Key in keyof CallSpec]: CallSpec[Key] } = {
      call: services.nextCall(),
      type: node.typeName,
      version: node.version,
      node: { id: node.id, name: node.name },
      run: this.run.facts,
      now: services.isoInstant(this.startedAt),
      attempt: this.#attempt,
      deadlineMs: node.timeoutMs,
      concurrency: node.concurrency,
      constants: made.constants,
      inputs: this.#byPort(made.inputs),
    };
    const round = this.#round();
    if (round) spec.round = round;
    if (node.slots.length > 0) spec.slots = node.slots;
    if (key !== undefined) spec.key = key;
    if (node.wholeInput) {
      if (!node.perBatch) spec.outcomes = 'item';
      // What a write gave is told whatever its size: it has happened.
      if (node.effects !== 'write') spec.maxLength = services.maxStepBytes;
    }
    return services.host.call(spec, new StepSink(this), signal);
  }

  #byPort(inputs: readonly CallInput[]): { readonly [port: string]: readonly CallInput[] } {
    const { inputPorts, incoming } = this.node;
    if (inputPorts.length <= 1 || incoming.every((edge) => edge.input === incoming[0]?.input)) {
      const port = incoming[0]?.input ?? 'main';
      return port === 'main' ? { main: inputs } : { [port]: inputs };
    }
    const byPort: { [port: string]: CallInput[] } = Object.fromEntries(inputPorts.map((port) => [port, []]));
    const { parts } = this.#input;
    let at = 0;
    for (const input of inputs) {
      // Inputs mostly come in order.
      while (at + 1 < parts.length && input.i >= (parts[at + 1]?.offset ?? 0)) at += 1;
      if (input.i < (parts[at]?.offset ?? 0)) at = parts.findLastIndex((part) => part.offset <= input.i);
      const edge = this.run.state.plan.edges[parts[at]?.edge ?? -1];
      byPort[edge?.input ?? 'main']?.push(input);
    }
    return byPort;
  }

  log(lines: readonly LogLine[]): void {
    this.#logs ??= [];
    for (const line of lines) this.#logs.push(line);
  }

  owner(): StepOwner {
    const { id, head } = this.run;
    return {
      workspaceId: head.workspaceId,
      workflowId: head.workflowId,
      version: head.version,
      runId: id,
      originRunId: originOf(this.run),
      rootRunId: head.rootRunId,
      depth: head.parent?.depth ?? 0,
      environment: head.environment,
      nodeId: this.node.id,
      place: placeOf(this.#on),
      ...(head.initiator !== undefined && { initiator: head.initiator }),
    };
  }

  async #state(op: Extract<RpcOp, { op: `state.${string}` }>): Promise<Json> {
    const mocked = mockedReach(this.run);
    if (mocked) return mockedState(mocked, op);
    const state = this.services.ports?.state;
    if (state === undefined) throw new StepFailure('NOT_AVAILABLE', 'There are no values between runs where this step runs.');
    switch (op.op) {
      case 'state.get':
        return state.get(this.owner(), op.key);
      case 'state.set':
        await state.set(this.owner(), op.key, op.value);
        return null;
      case 'state.claim':
        return state.claim(this.owner(), op.keys, op.keepMs);
    }
  }

  answer(op: RpcOp, item: number | undefined): Promise<Json> {
    switch (op.op) {
      case 'code.run':
        return this.services.runCode({
          op,
          run: this.run,
          step: this.step,
          input: this.#input,
          units: item === undefined ? this.#callInputs?.map(({ i }) => i) : [item],
          startedAt: this.startedAt,
          log: (lines) => this.log(lines),
        });
      case 'reply.send':
        return this.#reply(op);
      case 'credential.open':
        mockedReach(this.run)?.refuse('The fields of a credential');
        return this.services.openCredential(this.run, this.node, op.slot);
      case 'state.get':
      case 'state.set':
      case 'state.claim':
        return this.#state(op);
      case 'approval.open':
      case 'form.open':
        return this.#ask(op);
      case 'workflow.start':
        return this.#startRuns(op.start);
      case 'money.reserve':
      case 'money.settle':
      case 'money.release':
        return spend(this.#paying(), op, item);
    }
  }

  #paying(): PayingStep {
    const { run, step, node, services } = this;
    return { run, step, node, services, attempt: this.#attempt, owner: () => this.owner() };
  }

  async #startRuns(call: WorkflowCall): Promise<Json> {
    mockedReach(this.run)?.refuse('Another workflow');
    const calls = this.services.ports?.calls;
    if (calls === undefined)
      throw new StepFailure('NOT_AVAILABLE', 'No other workflow can be called where this step runs.', { kind: 'input' });
    const { parts } = this.step;
    const from = parts?.from ?? (parts?.round === undefined ? undefined : this.run.id);
    const answered = !parts || from === undefined ? {} : { answered: { runId: from, parts: new Set(parts.came.keys()) } };
    const round = parts?.round === undefined ? {} : { round: parts.round };
    return { ...(await calls.start({ ...this.owner(), ...answered, ...round }, call, this.run.abortWrites?.signal)) };
  }

  async #ask({ op, request }: Extract<RpcOp, { request: JsonObject }>): Promise<Json> {
    mockedReach(this.run)?.refuse('A person');
    const asking = this.services.ports?.asking;
    if (asking === undefined) throw new StepFailure('NOT_AVAILABLE', 'Nobody can be asked where this step runs.');
    return op === 'approval.open' ? asking.openApproval(this.owner(), request) : asking.openForm(this.owner(), request);
  }

  /** A reply leaves the process, so everything before it is durable first; a write has seen to that when it started. */
  async #reply({ status, headers, body, raw, fileId }: Extract<RpcOp, { op: 'reply.send' }>): Promise<Json> {
    const run = this.run;
    if (this.node.effects !== 'write') await this.services.durable(run);
    if (run.gone) return { delivered: false };
    return {
      delivered:
        run.listener?.onReply?.({ status, headers, body, raw: raw === true, ...(fileId === undefined ? {} : { fileId }) }) ?? false,
    };
  }

  take(outcomes: readonly ItemOutcome[]): void {
    if (this.#overflow) return;
    const isWrite = this.node.effects === 'write';
    const isMeasured = isWrite || this.#takesTime || this.#units.length > FEW_ITEMS;
    if (this.#outcomes.length === 0) this.#outcomes = [...outcomes];
    else for (const outcome of outcomes) this.#outcomes.push(outcome);
    for (const outcome of outcomes) {
      if ('ok' in outcome) this.#given += outcome.ok.length;
      if (isMeasured) this.#measured().outcome(outcome);
    }
    if (isWrite) return this.#report();
    if (this.#size?.isOver) return this.#giveUp(this.#tooLarge());
    // Of a call that is over at once the engine hears as a whole.
    if (this.#takesTime && this.services.now() - this.#reportedAt > PARTIAL_REPORT_MS && !this.#tooMany()) this.#report();
  }

  #add(outcome: ItemOutcome): void {
    if (this.#outcomes.length === 0) this.#outcomes = [outcome];
    else this.#outcomes.push(outcome);
  }

  /** The call gives more than a step may hold: what it gave is let go, and it is ended. */
  #giveUp(error: StepError): void {
    this.#overflow = error;
    this.#outcomes = NO_OUTCOMES;
    this.#halt?.abort();
  }

  #tooLarge(): StepError {
    return tooLarge('items', this.services.maxStepBytes);
  }

  /** Tells the engine of items that have ended so far. */
  #report(): void {
    if (this.#outcomes.length === 0) return;
    const outcomes = this.#outcomes;
    this.#outcomes = NO_OUTCOMES;
    this.#tell(outcomes);
  }

  #tell(outcomes: readonly ItemOutcome[]): void {
    this.#partial = true;
    this.#reportedAt = this.services.now();
    this.#applyItems({ type: 'items.settled', at: this.#reportedAt, ...this.#on, outcomes, ...this.#takeLogs() });
  }

  /** The call of a pure or read step has ended. Undefined when what follows from it was done at once. */
  #finish(end: CallEnd): Promise<void> | undefined {
    if (this.#overflow) return this.#failWith(this.#overflow);
    if (!end.ok) {
      this.#report();
      return this.#failWith(end.error);
    }
    if (this.node.perBatch) this.#given = end.outputs?.length ?? 0;
    this.#waits = end.wait;
    const error = this.#tooMany();
    if (error) return this.#failWith(error);
    const outputs = this.node.perBatch ? end.outputs : undefined;
    if ((outputs?.length ?? this.#outcomes.length) > FEW_ITEMS) return this.#finishMany(outputs);
    if (outputs || this.#isPlain()) this.#finished(outputs ? batchOutputs(outputs) : itemOutputs(this.#outcomes));
    else if (this.node.perBatch) this.#finished({});
    else {
      this.#report();
      this.#failForgotten();
    }
    return undefined;
  }

  /** True when the step can be told as finished, and not item by item. */
  #isPlain(): boolean {
    return !this.#partial && this.#outcomes.every((outcome) => 'ok' in outcome);
  }

  #finishMany(outputs: readonly BatchOutput[] | undefined): Promise<void> | undefined {
    const assembled = this.services.turns.run(this.#assemble(outputs), () => this.#mayAct());
    if (assembled instanceof Promise) return assembled.then((result) => result && this.#conclude(result));
    this.#conclude(assembled);
    return undefined;
  }

  #conclude(result: Assembled): void {
    switch (result.kind) {
      case 'outputs':
        return this.#finished(result.outputs);
      case 'too-large':
        return this.#fail(this.#tooLarge());
      case 'told':
        return this.#failForgotten();
    }
  }

  *#assemble(outputs: readonly BatchOutput[] | undefined): Sliced<Assembled> {
    if (outputs) {
      const size = this.#measured();
      for (let n = 0; n < outputs.length; n += 1) {
        size.batchOutput(outputs[n] as BatchOutput);
        if (size.isOver) return { kind: 'too-large' };
        if (n % MEASURED_ITEMS === 0) yield;
      }
      return { kind: 'outputs', outputs: yield* batchOutputsInParts(outputs) };
    }
    if (this.#isPlain()) return { kind: 'outputs', outputs: yield* itemOutputsInParts(this.#outcomes) };
    const outcomes = this.#outcomes;
    this.#outcomes = NO_OUTCOMES;
    for (let at = 0; at < outcomes.length; at += TOLD_ITEMS) {
      this.#tell(outcomes.slice(at, at + TOLD_ITEMS));
      yield;
    }
    return { kind: 'told' };
  }

  #finished(outputs: Outputs): void {
    const at = this.services.now();
    const wait = this.#waits && this.#waitFrom(at, this.#waits);
    if (wait) {
      return this.#applyItems({
        type: 'step.waiting',
        at,
        ...this.#on,
        attempt: this.#attempt,
        startedAt: this.startedAt,
        wait,
        outputs,
        ...this.#takeLogs(),
      });
    }
    const { startedAt } = this;
    const { node, path } = this.#on;
    const finished: Extract<RunEvent, { type: 'step.finished' }> = path
      ? { type: 'step.finished', at, node, path, startedAt, outputs }
      : { type: 'step.finished', at, node, startedAt, outputs };
    this.#applyItems(this.#logs ? { ...finished, ...this.#takeLogs() } : finished);
  }

  /** Undefined when the instant has passed already. */
  #waitFrom(at: number, { kind, until, runs }: NonNullable<Extract<CallEnd, { ok: true }>['wait']>): StepWait | undefined {
    const place = placeOf(this.#on);
    const id = kind === 'timer' ? `${place}.${this.#attempt}` : signalOf(place);
    if (runs) return runs.count > 0 ? { id, kind, parts: runs.count, ...(runs.each ? { each: true as const } : {}) } : undefined;
    if (until === undefined) return { id, kind };
    if (until <= at) return undefined;
    const isShort = kind === 'timer' && until - at <= SHORT_WAIT_MS;
    return { id, kind, dueAt: until, ...(isShort ? { short: true as const } : {}) };
  }

  /** Events that carry items. What a write gave is told whatever its size: it has happened. */
  #applyItems(event: RunEvent): void {
    const { text, added } = this.#size ?? UNMEASURED;
    const limit = this.node.effects === 'write' ? Infinity : this.services.maxStepBytes;
    const taken = this.services.applyItems(this.run, event, { text, added: added - this.#toldSize, limit });
    this.#toldSize = added;
    if (!taken) this.#fail(this.#tooLarge());
  }

  #measured(): SizeCount {
    this.#size ??= new SizeCount(this.#input, this.services.maxStepBytes);
    return this.#size;
  }

  #tooMany(): StepError | undefined {
    return tooManyItems(this.#given, this.services.maxItemsPerStep);
  }

  /** A host that ends a call well without an outcome for every item would leave the step waiting for ever. */
  #failForgotten(): void {
    const step = this.step;
    const { states } = step.units ?? {};
    if (step.phase === 'active' && states && this.#units.some((i) => states[i] === UNIT.idle)) this.#fail(FAULT);
  }

  /** The step has failed, and nothing more follows from its call. */
  #failWith(error: StepError): undefined {
    this.#fail(error);
    return undefined;
  }

  #fail(error: StepError, unknown = false): void {
    this.#apply({
      type: 'step.failed',
      at: this.services.now(),
      ...this.#on,
      attempt: this.#attempt,
      error,
      ...(unknown ? { unknown } : {}),
      ...this.#takeLogs(),
    });
  }

  async #writeWindows(): Promise<void> {
    const { perBatch, concurrency } = this.node;
    const size = perBatch ? 1 : concurrency;
    for (let at = 0; at < this.#units.length && this.#mayAct(); at += size) {
      if (this.#size?.isOver) return this.#fail(this.#tooLarge());
      await this.#writeWindow(this.#units.slice(at, at + size));
    }
  }

  /** True while new items may start. */
  #mayAct(): boolean {
    return !this.#stopped && !this.run.gone && !this.run.state.ended && this.#phase() === 'active';
  }

  #phase(): StepPhase | undefined {
    return this.step.phase;
  }

  /** Items of a write: fix their parameters, make them durable, make sure that the run is ours, act. */
  async #writeWindow(units: readonly number[]): Promise<void> {
    const { perBatch } = this.node;
    const kept = this.step.units?.params;
    const making = this.services.turns.run(this.#maker.make(units, kept), () => this.#mayAct());
    const made = making instanceof Promise ? await making : making;
    if (!made) return;
    if (made.error) return this.#fail(made.error);
    for (const outcome of made.failed) this.#add(outcome);
    this.#report();
    const acting = perBatch ? [0] : made.inputs.map((input) => input.i);
    // Items whose parameters failed may have stopped the run.
    if (acting.length === 0 || !this.#mayAct()) return;
    const at = this.services.now();
    this.#apply({ type: 'items.started', at, ...this.#on, items: this.#started(acting, made) });
    if (!(await this.services.cleared(this.run, () => this.#proof()))) return;
    if (!this.#mayAct()) {
      for (const i of acting) this.#add({ i, error: NOT_SENT });
      return this.#report();
    }
    await this.#act(acting, made);
  }

  #started(acting: readonly number[], made: CallInputs): StartedItem[] {
    const progress = this.step.units;
    return acting.map((i) => {
      const attempt = (progress?.tries.get(i) ?? 0) + 1;
      return progress?.params.has(i) ? { i, attempt } : { i, attempt, params: made.kept(i) };
    });
  }

  /** Says again that the attempt has begun: changes nothing, and is refused when the run has another owner. */
  #proof(): RunEvent {
    return { type: 'step.started', at: this.services.now(), ...this.#on, attempt: this.#attempt };
  }

  async #act(acting: readonly number[], made: CallInputs): Promise<void> {
    const { id, perBatch } = this.node;
    const key = (i: number): string => this.services.key(this.run, id, this.step.scope.path, i);
    this.run.abortWrites ??= new AbortController();
    const { signal } = this.run.abortWrites;
    const end = perBatch
      ? await this.#call(made, signal, key(0))
      : await this.#call({ ...made, inputs: made.inputs.map((input) => ({ ...input, key: key(input.i) })) }, signal);
    if (end.ok && perBatch) {
      this.#waits = end.wait;
      // A step that is being stopped settles what it did; nothing waits for it.
      if (end.wait && this.#phase() === 'active') return this.#finished(batchOutputs(end.outputs ?? []));
      const outputs = unitOutputs(end.outputs ?? []);
      this.#add({ i: 0, ok: outputs });
      return this.#report();
    }
    // Items the call said nothing about: what it says of them at its end, or nothing is known.
    const { error, unknown } = end.ok ? { error: FAULT, unknown: true } : { error: end.error, unknown: end.missing === 'unknown' };
    const { states } = this.step.units ?? {};
    for (const i of acting) {
      if (states?.[i] === UNIT.started) this.#add(unknown ? { i, error, unknown } : { i, error });
    }
    this.#report();
  }

  #takeLogs(): { logs?: LogLine[] } {
    const logs = this.#logs;
    if (!logs) return NOTHING;
    this.#logs = undefined;
    return { logs };
  }

  #apply(event: RunEvent): void {
    this.services.apply(this.run, event);
  }
}

/** A step as text: its node, and behind `@` the rounds of loops it lies in. */
export function placeOf({ node, path = [] }: { readonly node: string; readonly path?: readonly number[] }): string {
  return path.length > 0 ? `${node}@${path.join(',')}` : node;
}

/** The id of a step's wait for what comes from outside; known before the step waits. */
export function signalOf(place: string): string {
  return `${place}.signal`;
}
