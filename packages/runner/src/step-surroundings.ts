/** Facts and services that steps share and that no run changes: the clock, call numbers, keys, code. */
import type { PlanNode, PluginHost, RequestSlot, StepFacts, StepState } from '@plugboard/engine';
import type { Sandbox } from '@plugboard/sandbox';
import { type Json, type JsonObject, StepFailure } from '@plugboard/sdk';
import type { ActiveRun } from './active-run.ts';
import type { Clock } from './clock.ts';
import { type CodeSteps, createCodeSteps } from './code-step.ts';
import type { KeyMaker } from './idempotency-key.ts';
import { originOf } from './origin-run.ts';
import type { CredentialCall, SignedRequest, StepCredentials } from './runner-options.ts';
import { placeOf } from './step-call.ts';
import type { StepPorts } from './step-ports.ts';
import type { CodeRequest } from './step-services.ts';
import type { Turns } from './turns.ts';

const NO_ADDRESSES = {};

export interface SurroundingsOptions {
  readonly host: PluginHost;
  readonly fetch: typeof globalThis.fetch;
  readonly credentials?: StepCredentials;
  readonly ports?: StepPorts;
  readonly sandbox: Sandbox;
  readonly key: KeyMaker;
  readonly maxItemsPerStep: number;
  readonly maxStepBytes: number;
  readonly turns: Turns;
  readonly clock: Clock;
  readonly resumeUrl?: (runId: string, place: string) => string;
  readonly askUrl?: (kind: 'approval' | 'form', runId: string, place: string) => string;
}

export class StepSurroundings {
  readonly host: PluginHost;
  readonly fetch: typeof globalThis.fetch;
  readonly ports: StepPorts | undefined;
  readonly maxItemsPerStep: number;
  readonly maxStepBytes: number;
  readonly turns: Turns;
  readonly #clock: Clock;
  readonly #credentials: StepCredentials | undefined;
  readonly #key: KeyMaker;
  readonly #codeSteps: CodeSteps;
  readonly #resumeUrl: SurroundingsOptions['resumeUrl'];
  readonly #askUrl: SurroundingsOptions['askUrl'];
  #calls = 0;
  #isoAt = 0;
  #iso = '';

  constructor(options: SurroundingsOptions) {
    this.host = options.host;
    this.fetch = options.fetch;
    this.#credentials = options.credentials;
    this.ports = options.ports;
    this.maxItemsPerStep = options.maxItemsPerStep;
    this.maxStepBytes = options.maxStepBytes;
    this.turns = options.turns;
    this.#clock = options.clock;
    this.#resumeUrl = options.resumeUrl;
    this.#askUrl = options.askUrl;
    this.#key = options.key;
    this.#codeSteps = createCodeSteps(options.sandbox, options.turns);
  }

  now(): number {
    return this.#clock.now();
  }

  /** Steps of one millisecond share the text. */
  isoInstant(at: number): string {
    if (at !== this.#isoAt) {
      this.#isoAt = at;
      this.#iso = new Date(at).toISOString();
    }
    return this.#iso;
  }

  nextCall(): number {
    this.#calls += 1;
    return this.#calls;
  }

  stepFacts(run: ActiveRun, { scope }: StepState, startedAt: number): StepFacts {
    const { path } = scope;
    const seen = path.length > 0 ? this.#seenFrom(run, path) : (run.seen ??= this.#seenFrom(run, path));
    return {
      run: seen.run,
      workflow: seen.workflow,
      vars: run.loaded.vars,
      now: this.isoInstant(startedAt),
      zone: run.state.plan.timezone,
    };
  }

  /** The same for all steps of one round, or outside loops. */
  #seenFrom(run: ActiveRun, path: readonly number[]): Pick<StepFacts, 'run' | 'workflow'> {
    return {
      run: {
        id: run.id,
        startedAt: this.isoInstant(run.state.startedAt),
        environment: run.facts.environment,
        ...(run.head.parent ? { caller: run.head.parent.runId } : {}),
        ...(path.length > 0 ? { round: path.at(-1) ?? 0 } : {}),
        ...this.#resumeUrls(run, path),
        ...this.#askUrls(run, path),
      },
      workflow: { id: run.loaded.workflowId, name: run.loaded.workflowName, version: run.loaded.version },
    };
  }

  /** Addresses that end the waits of steps, by the name of the node. */
  #resumeUrls({ id, state: { plan } }: ActiveRun, path: readonly number[]): { resume?: JsonObject } {
    const url = this.#resumeUrl;
    const nodes = plan.signalNodes;
    if (!url || nodes.length === 0) return NO_ADDRESSES;
    return { resume: placedByName(nodes, path, (place) => url(id, place)) };
  }

  /** Addresses at which people answer, by the name of the node. */
  #askUrls({ id, state: { plan } }: ActiveRun, path: readonly number[]): { approval?: JsonObject; form?: JsonObject } {
    const url = this.#askUrl;
    if (!url || plan.askingNodes.length === 0) return NO_ADDRESSES;
    const byKind = (kind: 'approval' | 'form'): JsonObject => {
      const nodes = plan.askingNodes.filter(({ type }) => type.kind === 'node' && type.waits === kind);
      return placedByName(nodes, path, (place) => url(kind, id, place));
    };
    return { approval: byKind('approval'), form: byKind('form') };
  }

  key(run: ActiveRun, nodeId: string, path: readonly number[], item: number): string {
    return this.#key(originOf(run), nodeId, path, item);
  }

  async signedFetch(run: ActiveRun, node: PlanNode, slot: RequestSlot, request: SignedRequest): Promise<Response> {
    const key = node.credentials[slot.name];
    // Towards the plugin an empty slot is no credential; the host asks only for those that are filled.
    if (key === undefined) return this.fetch(request.input, request.init);
    if (!this.#credentials) throw new StepFailure('NOT_AVAILABLE', 'Credentials are not available in this server.', { kind: 'input' });
    return this.#credentials.fetch(credentialCall(run, node, key, slot), request);
  }

  async openCredential(run: ActiveRun, node: PlanNode, slot: string): Promise<JsonObject> {
    const key = node.credentials[slot];
    if (!this.#credentials || key === undefined)
      throw new StepFailure('NOT_AVAILABLE', 'There is no such credential where this step runs.', { kind: 'input' });
    return this.#credentials.open(credentialCall(run, node, key, { name: slot, isRedirected: false }));
  }

  runCode(request: CodeRequest): Promise<Json> {
    return this.#codeSteps(request, this.stepFacts(request.run, request.step, request.startedAt));
  }
}

/** A step sees the nodes of its own round and of what lies around it. */
function placedByName(nodes: readonly PlanNode[], path: readonly number[], url: (place: string) => string): JsonObject {
  const seen = nodes.filter((node) => node.loops.length <= path.length);
  return Object.fromEntries(seen.map((node) => [node.name, url(placeOf({ node: node.id, path: path.slice(0, node.loops.length) }))]));
}

function credentialCall(run: ActiveRun, node: PlanNode, key: string, slot: RequestSlot): CredentialCall {
  const { workspaceId, workflowId, environment, initiator } = run.head;
  return {
    workspaceId,
    workflowId,
    environment,
    runId: run.id,
    ...(initiator === undefined ? {} : { initiator }),
    node: { id: node.id, name: node.name },
    key,
    type: node.type,
    slot,
  };
}
