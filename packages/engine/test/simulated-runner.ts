/**
 * A runner without I/O: carries out commands with results, failures and lost outcomes as the dice fall, in any order, and dies now and then.
 * It keeps its own books of what it did, and complains when the engine asks for something a real runner must never do.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Plan, PlanNode } from '../src/plan/plan.ts';
import { continueRun } from '../src/run/continue-run.ts';
import { type Command, outstanding } from '../src/run/decide.ts';
import type { ItemOutcome, ItemOutput, Outputs } from '../src/run/events.ts';
import { type RunState, UNIT, unitCount } from '../src/run/state.ts';
import { allSteps, everyStep, findStep } from '../src/run/steps.ts';
import { brokenInvariants, snapshot } from './invariants.ts';
import type { Dice } from './random-graph.ts';
import { TestRun, type TestEvent, aBatch, anError, checkedEnd, someItems } from './run-kit.ts';

/** One attempt of a step under way. */
interface Call {
  readonly node: PlanNode;
  /** Where in loops it is. */
  readonly path: readonly number[];
  readonly place: string;
  readonly attempt: number;
  queue: number[];
  flying: number[];
  isWhole: boolean;
  isStopped: boolean;
}

const ERRORS = [
  { code: 'DOWN', kind: 'unavailable' },
  { code: 'SLOW', kind: 'timeout' },
  { code: 'NO', kind: 'rejected' },
  { code: 'BUSY', kind: 'rate_limited', retryAfterMs: 500 },
  { code: 'BAD', kind: 'input' },
  { code: 'NOT_THERE', kind: 'unavailable' },
] as const;

/** The queue may still name steps that have left it; they are passed over. What the last event changed matters to nobody later. */
function comparable(run: RunState): unknown {
  return snapshot({ ...run, readyQueue: run.readyQueue.filter((step) => step.phase === 'ready'), changed: [] });
}

export class SimulatedRunner {
  readonly run: TestRun;
  readonly #plan: Plan;
  readonly #dice: Dice;
  #calls = new Map<string, Call>();
  /** Attempt each timer is for, by step. */
  #timers = new Map<string, number>();
  /** Waits that are kept outside of the process, by step; they survive it. */
  readonly #waits = new Map<string, string>();
  /** Waits the process holds itself, by step. */
  #shortWaits = new Map<string, string>();
  #work: Command[] = [];
  readonly complaints: string[] = [];
  readonly #done = new Set<string>();
  /** Writes that may not start again unless it is proven that they did nothing, or a person says so. */
  readonly #sealed = new Set<string>();
  readonly #params = new Map<string, string>();
  #endings = 0;
  /** Steps whose undo branches have begun, in that order, by the place of their nodes. */
  readonly #undone: number[] = [];
  #gaveUpUndo = false;

  constructor(plan: Plan, dice: Dice) {
    this.#plan = plan;
    this.#dice = dice;
    this.run = new TestRun(plan);
  }

  /** Steps that were undone, or begun to be. */
  get undone(): number {
    return this.#undone.length;
  }

  /** Runs to the end; false when it did not get there. */
  play(items: number): boolean {
    const turn = this.#dice.once(5) ? ({ gated: true } as const) : {};
    this.#tell({ type: 'run.started', semantics: 1, trigger: 'start', outputs: { main: { items: someItems(items) } }, ...turn });
    return this.#toTheEnd();
  }

  /** A new run that keeps what the old one is through with, to its end. */
  playOn(old: SimulatedRunner): boolean {
    const [started] = old.run.events;
    if (started?.type !== 'run.started') return false;
    for (const one of old.#done) this.#done.add(one);
    for (const one of old.#sealed) this.#sealed.add(one);
    // Items that failed, or that a person counts as failed, are what is to be tried again.
    for (const step of allSteps(old.run.state.root)) {
      const place = placeOf({ node: step.index, path: step.scope.path });
      step.units?.outcomes.forEach((outcome, i) => {
        if (outcome && 'error' in outcome && !outcome.unknown) this.#sealed.delete(`${place}:${i}`);
      });
    }
    for (const [place, params] of old.#params) this.#params.set(place, params);
    // What joined it while it waited to begin is part of its input.
    const { triggerNode, root } = old.run.state;
    const { gated: _, ...first } = started;
    const outputs = root.steps[triggerNode]?.outputs ?? started.outputs;
    const { events } = continueRun({
      plan: this.#plan,
      started: { ...first, outputs },
      old: { id: 'old', state: old.run.state, isSamePlan: true },
    });
    for (const event of JSON.parse(JSON.stringify(events)) as typeof events) this.#tell(event);
    return this.#toTheEnd();
  }

  #toTheEnd(): boolean {
    for (let turns = 0; turns < 3000; turns += 1) {
      if (this.run.state.ended) return true;
      if (!this.#turn()) return false;
    }
    return false;
  }

  #turn(): boolean {
    const dice = this.#dice;
    if (dice.once(150)) return this.#cancel();
    if (dice.once(40)) return this.#crash();
    if (dice.once(60)) return this.#pause();
    const actions: (() => void)[] = [];
    for (const call of this.#calls.values()) actions.push(() => this.#goOn(call));
    for (const [node, attempt] of this.#timers) actions.push(() => this.#ring(node, attempt));
    for (const waits of [this.#waits, this.#shortWaits])
      for (const [node, wait] of waits) actions.push(() => this.#waitOver(waits, node, wait));
    const asking = this.#asking();
    if (asking.length > 0) actions.push(() => this.#answer(dice.pick(asking)));
    if (this.run.state.gate) {
      actions.push(() => this.#tell({ type: 'run.joined', items: someItems(2) }));
      actions.push(() => this.#tell({ type: 'run.admitted' }));
    }
    if (this.run.state.paused) actions.push(() => this.#tell({ type: 'run.resumed', by: 'ada' }));
    if (actions.length === 0) return false;
    dice.pick(actions)();
    return true;
  }

  #tell(event: TestEvent): void {
    if (this.run.state.undo && (event.type === 'cancel.requested' || event.type === 'run.timed_out')) this.#gaveUpUndo = true;
    const commands = this.run.take(event);
    for (const problem of brokenInvariants(this.run.state)) this.complaints.push(`${event.type}: ${problem}`);
    if (event.type === 'run.recovered') this.#work = [...commands];
    else this.#work.push(...commands);
    for (let command = this.#work.shift(); command; command = this.#work.shift()) this.#carryOut(command);
    if (!this.run.state.ended) this.#compare();
  }

  #carryOut(command: Command): void {
    if (this.run.state.ended) return;
    switch (command.type) {
      case 'run-step':
        return this.#start(command);
      case 'schedule-retry':
        return this.#tell({
          type: 'retry.scheduled',
          ...this.#on(placeOf(command)),
          attempt: command.attempt,
          dueAt: this.run.at + command.delayMs,
        });
      case 'await-retry':
        this.#timers.set(placeOf(command), command.attempt);
        return;
      case 'await':
        (command.wait.short ? this.#shortWaits : this.#waits).set(placeOf(command), command.wait.id);
        return;
      case 'stop-step': {
        const place = placeOf(command);
        const call = this.#calls.get(place);
        this.#timers.delete(place);
        this.#shortWaits.delete(place);
        if (!call) return;
        call.queue = [];
        call.isStopped = true;
        // An aborted call may still tell how it ended.
        if (command.abort && this.#dice.once(2)) this.#calls.delete(place);
        return;
      }
      case 'suspend':
        if (command.waitingFor === undefined) {
          // Out of memory nobody keeps these; the run asks for them anew when it goes on.
          this.#timers.clear();
          this.#shortWaits.clear();
        }
        // A call that has told all its results is only about to end.
        if (
          this.#timers.size > 0 ||
          this.#shortWaits.size > 0 ||
          [...this.#calls.values()].some((call) => call.queue.length + call.flying.length > 0)
        )
          this.complaints.push('suspended while something was under way');
        return;
      case 'check-output':
        // A crash in between checks again.
        return this.#dice.once(5) && this.#crash() ? undefined : this.#tell(checkedEnd(this.run.state));
      case 'end-run':
        this.#endings += 1;
        if ([...this.#calls.values()].some((call) => call.flying.length > 0)) this.complaints.push('ended with writes in flight');
        if (this.#endings > 1) this.complaints.push('ended twice');
        this.#checkUndone();
        return this.#tell({ type: 'run.ended', status: command.status, activeMs: 5, ...(command.error ? { error: command.error } : {}) });
    }
  }

  #start(command: Extract<Command, { type: 'run-step' }>): void {
    const node = this.#node(command.node);
    const path = command.path ?? [];
    const step = this.run.step(node.id, ...path);
    const place = placeOf(command);
    // As in the runner: a command that is out of date, or for a step whose call is still under way, is dropped.
    if (this.#calls.has(place) || step.phase !== 'active') return;
    const states = node.incoming.map((edge) => step.scope.edges[edge.index]);
    const withItems = states.filter((state) => state === 'items').length;
    const early = node.join && node.join.policy !== 'all' && withItems >= (node.join.policy === 'any' ? 1 : node.join.count);
    if (states.includes('pending') && !early) this.complaints.push(`${node.id} runs before its edges are resolved`);
    if (node.disabled || step.skip) this.complaints.push(`${node.id} runs although it is disabled or skipped`);
    if (node.undoes !== undefined) this.#undoes(node, node.undoes);
    const count = step.input ? unitCount(node, step.input) : 0;
    const units = command.units ?? Array.from({ length: count }, (_, i) => i);
    for (const i of units) if (this.#done.has(`${place}:${i}`)) this.complaints.push(`${place}:${i} was done and starts again`);
    if (command.units?.length === 0) this.complaints.push(`${node.id} is to run nothing`);
    this.#calls.set(place, {
      node,
      path,
      place,
      attempt: command.attempt,
      queue: [...units],
      flying: [],
      isWhole: command.units === undefined,
      isStopped: false,
    });
  }

  /** A branch runs once its step has done something and the run is over otherwise: the newest step first, one branch after the other. */
  #undoes({ id }: PlanNode, owner: number): void {
    const { root, stop } = this.run.state;
    const step = root.steps[owner];
    if (!stop || [...allSteps(root)].some(({ phase }) => phase === 'active' || phase === 'stopping'))
      this.complaints.push(`${id} undoes a run that goes on`);
    if (step?.phase !== 'succeeded' && !step?.units?.outcomes.some((outcome) => outcome && 'ok' in outcome))
      this.complaints.push(`${id} undoes what was not done`);
    const last = this.#undone.at(-1);
    if (last === owner) return;
    if (this.#undone.includes(owner)) this.complaints.push(`${id} undoes ${this.#id(owner)} a second time`);
    if (last !== undefined && (root.steps[last]?.changedAt ?? 0) < (step?.changedAt ?? 0))
      this.complaints.push(`${this.#id(owner)} is newer than ${this.#id(last)} and is undone after it`);
    this.#undone.push(owner);
  }

  #checkUndone(): void {
    const { plan, root, stop, undo } = this.run.state;
    if (!stop || this.#gaveUpUndo) return;
    for (const { index, id, onError } of plan.undo.nodes) {
      const step = root.steps[index];
      if (step?.phase !== 'succeeded' || step.error || onError !== 'fail' || plan.nodes[index]?.disabled) continue;
      const gave = Object.values(step.outputs ?? {}).some((batch) => batch.items.length > 0);
      if (gave && !undo?.branches.has(index)) this.complaints.push(`${id} was done and is not undone`);
    }
  }

  #goOn(call: Call): void {
    if (call.node.effects === 'write') return this.#write(call);
    const dice = this.#dice;
    const on = this.#on(call.place);
    if (dice.once(8)) return this.#tell({ type: 'step.started', ...on, attempt: call.attempt });
    if (dice.once(5)) {
      call.queue = [];
      this.#tell({ type: 'step.failed', ...on, attempt: call.attempt, error: anError(dice.pick(ERRORS)) });
      return this.#over(call);
    }
    if (call.node.typeName === 'wait' && !dice.once(4)) {
      call.queue = [];
      const wait = {
        id: `${call.place}.${call.attempt}`,
        kind: 'timer' as const,
        dueAt: this.run.at + 1000,
        ...(dice.once(2) ? { short: true as const } : {}),
      };
      this.#tell({
        type: 'step.waiting',
        ...on,
        attempt: call.attempt,
        startedAt: this.run.at,
        wait,
        outputs: this.#outputs(call.node),
      });
      return this.#over(call);
    }
    if (call.node.wholeInput || (call.isWhole && !dice.once(3))) {
      call.queue = [];
      this.#tell({ type: 'step.finished', ...on, startedAt: this.run.at, outputs: this.#outputs(call.node) });
      return this.#over(call);
    }
    // Some items end, in any order.
    call.isWhole = false;
    const ended: ItemOutcome[] = [];
    for (let count = 1 + dice.roll(3); count > 0 && call.queue.length > 0; count -= 1) {
      const [i = 0] = call.queue.splice(dice.roll(call.queue.length), 1);
      ended.push(dice.once(4) ? { i, error: anError(dice.pick(ERRORS)) } : { i, ok: this.#itemOutputs(call.node) });
    }
    if (ended.length > 0) this.#settle(call, ended);
    if (call.queue.length === 0) this.#over(call);
  }

  #write(call: Call): void {
    const dice = this.#dice;
    if (call.flying.length > 0) {
      const ended: ItemOutcome[] = [];
      for (let count = 1 + dice.roll(call.flying.length); count > 0; count -= 1) {
        const [i = 0] = call.flying.splice(dice.roll(call.flying.length), 1);
        const outcome = dice.roll(6);
        if (outcome === 0) ended.push({ i, error: anError({ code: 'TIMEOUT', kind: 'timeout' }), unknown: true });
        else if (outcome === 1) ended.push({ i, error: anError(dice.pick(ERRORS)) });
        else ended.push({ i, ok: this.#itemOutputs(call.node) });
      }
      this.#settle(call, ended);
    } else if (call.queue.length > 0 && !call.isStopped) this.#window(call);
    if (call.flying.length === 0 && (call.queue.length === 0 || call.isStopped)) this.#over(call);
  }

  /** A window of write items: parameters are fixed with the first start and used by each after it. */
  #window(call: Call): void {
    const { node } = call;
    const window = call.queue.splice(0, node.perBatch ? 1 : node.concurrency);
    if (this.#dice.once(6)) {
      const [i = 0] = window.splice(0, 1);
      this.#settle(call, [{ i, error: anError({ code: 'EXPR', kind: 'input' }) }]);
    }
    if (window.length === 0 || call.isStopped || this.run.step(node.id, ...call.path).phase !== 'active') return;
    const { units } = this.run.step(node.id, ...call.path);
    for (const i of window) {
      const key = `${call.place}:${i}`;
      if (this.#done.has(key)) this.complaints.push(`${key} was done and is written again`);
      if (this.#sealed.has(key)) this.complaints.push(`${key} may have been written and is written again unasked`);
      if (!node.repeatable) this.#sealed.add(key);
      const stored = units?.params.get(i);
      const known = this.#params.get(key);
      if (known === undefined ? stored !== undefined : JSON.stringify(stored) !== known)
        this.complaints.push(`${key} has other parameters than before`);
      if (known === undefined) this.#params.set(key, JSON.stringify({ roll: this.#dice.roll(1000) }));
    }
    this.#tell({
      type: 'items.started',
      ...this.#on(call.place),
      items: window.map((i) => ({
        i,
        attempt: (units?.tries.get(i) ?? 0) + 1,
        ...(units?.params.has(i) ? {} : { params: JSON.parse(this.#params.get(`${call.place}:${i}`) ?? 'null') }),
      })),
    });
    call.flying = window;
  }

  #settle(call: Call, outcomes: ItemOutcome[]): void {
    for (const outcome of outcomes) {
      const key = `${call.place}:${outcome.i}`;
      if ('ok' in outcome) this.#done.add(key);
      else if (
        !outcome.unknown &&
        (['rejected', 'rate_limited', 'input'].includes(outcome.error.kind) || outcome.error.code === 'NOT_THERE')
      )
        this.#sealed.delete(key);
    }
    this.#tell({ type: 'items.settled', ...this.#on(call.place), outcomes });
  }

  /** The call has ended; units that came back meanwhile are carried out now. */
  #over(call: Call): void {
    if (this.#calls.get(call.place) !== call) return;
    this.#calls.delete(call.place);
    const { state } = this.run;
    // Its round may be over by now.
    if (state.ended || findStep(state, call.node, call.path)?.phase !== 'active') return;
    for (const command of outstanding(state)) if (command.type === 'run-step' && placeOf(command) === call.place) this.#carryOut(command);
  }

  #ring(place: string, attempt: number): void {
    this.#timers.delete(place);
    this.#tell({ type: 'retry.due', ...this.#on(place), attempt });
  }

  /** A timer rings at most once; now and then its message comes twice. */
  #waitOver(waits: Map<string, string>, place: string, wait: string): void {
    if (waits === this.#shortWaits || !this.#dice.once(5)) waits.delete(place);
    const { node, path = [] } = this.#on(place);
    const planned = this.#plan.byId.get(node);
    // The second message may come when the round is over.
    if (planned && findStep(this.run.state, planned, path)) this.#tell({ type: 'wait.over', ...this.#on(place), wait });
    else waits.delete(place);
  }

  #asking(): { place: string; i: number }[] {
    return [...everyStep(this.run.state)].flatMap((step) => {
      if (['succeeded', 'failed', 'skipped', 'cancelled'].includes(step.phase)) return [];
      const place = placeOf({ node: step.index, path: step.scope.path });
      return [...(step.units?.states ?? [])].flatMap((state, i) => (state === UNIT.asking ? [{ place, i }] : []));
    });
  }

  #answer({ place, i }: { place: string; i: number }): void {
    const decision = this.#dice.pick(['retry', 'done', 'fail'] as const);
    if (decision === 'retry') this.#sealed.delete(`${place}:${i}`);
    this.#tell({ type: 'unknown.resolved', ...this.#on(place), i, decision, by: 'ada' });
  }

  #cancel(): boolean {
    this.#tell(this.#dice.once(2) ? { type: 'cancel.requested', by: 'ada' } : { type: 'run.timed_out', activeMs: 1 });
    return true;
  }

  #pause(): boolean {
    this.#tell({ type: 'pause.requested', by: 'ada' });
    return true;
  }

  /** The process dies; another folds the journal and does what is outstanding. */
  #crash(): boolean {
    this.#calls = new Map();
    this.#timers = new Map();
    this.#shortWaits = new Map();
    this.#endings = 0;
    const before = comparable(this.run.state);
    if (!isDeepStrictEqual(comparable(this.run.replayedState()), before)) this.complaints.push('the journal gives another state');
    this.run.throughSnapshot();
    if (!isDeepStrictEqual(comparable(this.run.state), before)) this.complaints.push('a snapshot gives another state');
    this.#tell({ type: 'run.recovered', fence: 2 });
    return true;
  }

  /** What is outstanding is under way, and nothing else is. */
  #compare(): void {
    const wanted = new Set<string>();
    for (const command of outstanding(this.run.state)) {
      if (command.type === 'run-step' || command.type === 'stop-step') wanted.add(`call ${placeOf(command)}`);
      else if (command.type === 'await-retry') wanted.add(`timer ${placeOf(command)} ${command.attempt}`);
      else if (command.type === 'await') wanted.add(`${command.wait.short ? 'short' : 'wait'} ${placeOf(command)} ${command.wait.id}`);
      else if (command.type === 'schedule-retry') this.complaints.push(`nobody sets the retry of ${this.#id(command.node)}`);
    }
    for (const one of wanted) {
      const [kind = '', place = '', which = ''] = one.split(' ');
      if (!this.#isUnderWay(kind, place, which)) this.complaints.push(`${one} is outstanding and not under way`);
    }
    for (const [place, attempt] of this.#timers)
      if (!wanted.has(`timer ${place} ${attempt}`)) this.complaints.push(`timer of ${place} for nothing`);
  }

  #isUnderWay(kind: string, place: string, which: string): boolean {
    switch (kind) {
      case 'call':
        return this.#calls.has(place);
      case 'timer':
        return this.#timers.get(place) === Number(which);
      case 'wait':
        return this.#waits.get(place) === which;
      default:
        return this.#shortWaits.get(place) === which;
    }
  }

  #outputs(node: PlanNode): Outputs {
    const outputs: { [port: string]: Outputs[string] } = {};
    for (const port of node.outputPorts)
      if (!this.#dice.once(3)) outputs[port] = aBatch(this.#dice.roll(3), node.id, this.#dice.once(2) ? [] : undefined);
    return outputs;
  }

  #itemOutputs(node: PlanNode): ItemOutput[] {
    return Array.from({ length: this.#dice.roll(3) }, () => ({ port: this.#dice.pick(node.outputPorts), item: { json: { of: node.id } } }));
  }

  #node(index: number): PlanNode {
    const node = this.#plan.nodes[index];
    if (!node) throw new RangeError(`no node ${index}`);
    return node;
  }

  #id(index: number): string {
    return this.#node(index).id;
  }

  /** The step at a place, as events name it. */
  #on(place: string): { node: string; path?: number[] } {
    const [index, path] = place.split('@');
    const node = this.#id(Number(index));
    return path === undefined ? { node } : { node, path: path.split('.').map(Number) };
  }
}

/** A step as text: its node, and the rounds it lies in. */
function placeOf({ node, path }: { readonly node: number; readonly path?: readonly number[] }): string {
  return path && path.length > 0 ? `${node}@${path.join('.')}` : String(node);
}
