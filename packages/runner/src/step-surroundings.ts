/** Facts and services that steps share and that no run changes: the clock, call numbers, keys, code. */
import type { PluginHost, StepFacts } from '@plugboard/engine';
import type { Sandbox } from '@plugboard/sandbox';
import type { Json } from '@plugboard/sdk';
import type { ActiveRun } from './active-run.ts';
import type { Clock } from './clock.ts';
import { type CodeSteps, createCodeSteps } from './code-step.ts';
import type { KeyMaker } from './idempotency-key.ts';
import type { CodeRequest } from './step-services.ts';
import type { Turns } from './turns.ts';

export interface SurroundingsOptions {
  readonly host: PluginHost;
  readonly fetch: typeof globalThis.fetch;
  readonly sandbox: Sandbox;
  readonly key: KeyMaker;
  readonly maxItemsPerStep: number;
  readonly maxStepBytes: number;
  readonly turns: Turns;
  readonly clock: Clock;
}

export class StepSurroundings {
  readonly host: PluginHost;
  readonly fetch: typeof globalThis.fetch;
  readonly maxItemsPerStep: number;
  readonly maxStepBytes: number;
  readonly turns: Turns;
  readonly #clock: Clock;
  readonly #key: KeyMaker;
  readonly #codeSteps: CodeSteps;
  #calls = 0;
  #isoAt = 0;
  #iso = '';

  constructor(options: SurroundingsOptions) {
    this.host = options.host;
    this.fetch = options.fetch;
    this.maxItemsPerStep = options.maxItemsPerStep;
    this.maxStepBytes = options.maxStepBytes;
    this.turns = options.turns;
    this.#clock = options.clock;
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

  stepFacts(run: ActiveRun, startedAt: number): StepFacts {
    return {
      run: { id: run.id, startedAt: this.isoInstant(run.state.startedAt), environment: run.facts.environment },
      workflow: { id: run.loaded.workflowId, name: run.loaded.workflowName, version: run.loaded.version },
      vars: run.loaded.vars,
      now: this.isoInstant(startedAt),
      zone: run.state.plan.timezone,
    };
  }

  key(run: ActiveRun, nodeId: string, item: number): string {
    return this.#key(run.head.rootRunId, nodeId, [], item);
  }

  runCode(request: CodeRequest): Promise<Json> {
    return this.#codeSteps(request, this.stepFacts(request.run, request.startedAt));
  }
}
