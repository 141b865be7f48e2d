/** The static description of a node type: JSON, written at build time, read without running plugin code. */
import type { CredentialTypeIR } from './credential-ir.ts';
import type { ParamsIR } from './param-ir.ts';
import type { WaitKind } from './wait.ts';

export type EffectKind = 'none' | 'read' | 'write';
/**
 * What a step does to the outside. `none` may be recomputed, `read` may be repeated, `write` is never repeated silently.
 * The object form lets a literal parameter decide; an expression there counts as `else`.
 */
export type Effects =
  | EffectKind
  | { readonly by: string; readonly cases: { readonly [value: string]: EffectKind }; readonly else: EffectKind };

export interface PortIR {
  readonly id: string;
  readonly title?: string;
}

/** Output ports read from a list parameter whose entries name a port in a literal field. */
export interface DynamicPortsIR {
  readonly param: string;
  readonly field: string;
  /** A port that exists besides the listed ones while this boolean parameter is true. */
  readonly fallback?: { readonly param: string; readonly port: string };
}

export interface PortsIR {
  /** @default [{ id: 'main' }] */
  readonly inputs?: readonly PortIR[];
  /** @default [{ id: 'main' }] */
  readonly outputs?: readonly PortIR[];
  readonly dynamicOutputs?: DynamicPortsIR;
}

/** A type that waits for several edges by a policy: `all`, `any`, or `count` of the edges with items. Names the parameters that choose. */
export interface JoinIR {
  /** Choice parameter with the values `all`, `any`, `count`. */
  readonly policy: string;
  /** Number parameter used when the policy is `count`. */
  readonly count: string;
}

export type TriggerKind = 'manual' | 'webhook' | 'schedule' | 'poll' | 'stream' | 'called' | 'error';

/**
 * A type that repeats what its port `body` leads to; what comes back at its input `next` is the result of a round. Names its parameters,
 * which hold literals.
 */
export interface LoopIR {
  /**
   * Choice parameter. `items`: the input in batches, `run` is not called. Any other value: `run` decides before each round by the port
   * its outputs go to, `body` for one more round or `done`; its items are those of the input, later those of the last round.
   */
  readonly mode: string;
  /** Number parameter: items of a round in the mode `items`. */
  readonly batchSize: string;
  /** Number parameter: rounds at the same time in the mode `items`. */
  readonly concurrency: string;
  /** Number parameter: rounds after which the step fails with LOOP_LIMIT in the other modes. */
  readonly limit: string;
}

interface TypeBase {
  /** `<plugin id>/<name>`, such as `core/set`. */
  readonly type: string;
  readonly version: number;
  readonly title: string;
  readonly help?: string;
  /** File name inside the package's icon folder, or a Lucide icon name. */
  readonly icon?: string;
  readonly group: string;
  readonly params: ParamsIR;
  readonly credentials?: readonly string[];
  /** Names of the functions the plugin provides for this type (`run`, `migrate.1`, `remote.teams`). */
  readonly functions: readonly string[];
}

export interface NodeTypeIR extends TypeBase {
  readonly kind: 'node';
  readonly per: 'item' | 'batch';
  readonly ports: PortsIR;
  readonly effects: Effects;
  /** A write that may be repeated with the same idempotency key; `{ by, values }` lets a literal parameter decide. @default false */
  readonly repeatable?: boolean | { readonly by: string; readonly values: readonly string[] };
  /** Per-batch types that run with no items when their inputs were reached but empty. @default false */
  readonly runsOnEmpty?: boolean;
  /**
   * Per-batch types: true when the batch succeeds or fails as a whole, false when `run` returns a result per item; `{ by, values }` lets a literal parameter decide.
   * @default true
   */
  readonly atomic?: boolean | { readonly by: string; readonly values: readonly string[] };
  readonly cpu?: 'heavy';
  readonly join?: JoinIR;
  /** Per-batch types without effects whose call may end with a wait instead of outputs. */
  readonly waits?: WaitKind;
  readonly loop?: LoopIR;
  /** Ends the loop around it: no further round begins. Its items are those of the round. @default false */
  readonly breaks?: boolean;
  /** Answers the request of a webhook that leaves its reply to a step. @default false */
  readonly replies?: boolean;
  /** Error codes that prove a write was not applied. */
  readonly rejected?: readonly string[];
}

/**
 * A trigger's description. For `webhook` the parameters `path`, `method` and `reply` are part of the extension point.
 */
export interface TriggerTypeIR extends TypeBase {
  readonly kind: 'trigger';
  readonly trigger: TriggerKind;
  readonly ports: PortsIR;
}

export type TypeIR = NodeTypeIR | TriggerTypeIR;

/** A plugin's whole static description. */
export interface PluginIR {
  readonly irVersion: 1;
  readonly id: string;
  readonly version: string;
  readonly title: string;
  readonly types: readonly TypeIR[];
  readonly credentials?: readonly CredentialTypeIR[];
}
