/** `defineNode`: a node type as a plain object. */
import type { Item } from './item.ts';
import type { Json } from './json.ts';
import type { FailedItem, GiveWay, Output } from './output.ts';
import type { ParamValues, Shape } from './param-builder.ts';
import type { BatchArgs, CallCtx, ItemArgs } from './step-context.ts';
import type { Effects, JoinIR, LoopIR, PortsIR } from './type-ir.ts';
import type { WaitKind, WaitRequest } from './wait.ts';

export const NODE_MARK: unique symbol = Symbol.for('plugboard.node');

/** Parameters as they stand on disk: expressions are still text. */
export type DiskParams = { readonly [name: string]: Json };

/** Moves parameters of version n to version n + 1. Pure; the old object stays as it is. */
export type Migration = (params: DiskParams) => DiskParams;

export interface OptionPage {
  readonly options: readonly { readonly value: string; readonly title: string; readonly help?: string }[];
  /** Given back to get the next page. */
  readonly cursor?: string;
}

export interface RemoteArgs {
  readonly params: DiskParams;
  readonly query?: string;
  readonly cursor?: string;
  readonly ctx: CallCtx;
}

interface NodeBase<S extends Shape> {
  /** Unique in the plugin; `[A-Za-z0-9_-]{1,64}`. */
  readonly id: string;
  /** From 1; a workflow pins it. */
  readonly version: number;
  readonly title: string;
  readonly help?: string;
  readonly icon?: string;
  /** The palette's group. */
  readonly group: string;
  readonly params: S;
  /**
   * What the step does to the outside; `{ by, cases, else }` lets a literal parameter decide.
   * `write` is never repeated silently.
   */
  readonly effects: Effects;
  /** @default one input and one output, both `main` */
  readonly ports?: PortsIR;
  /** A write that may be repeated with the same idempotency key. @default false */
  readonly repeatable?: boolean | { readonly by: string; readonly values: readonly string[] };
  /** Error codes that prove that a write was not applied. */
  readonly rejected?: readonly string[];
  /**
   * `heavy`: burns processor time above a few milliseconds, for each item or in one piece. Large calls of a bundled type with
   * `effects: 'none'` then run in a thread of their own: their items go there and back as text, which costs as much as simple work on them.
   * Such a type only computes: requests, code and replies fail with STEP_IS_PURE, also when the call is small. A per-batch type that does little
   * to each of many items is better a generator that yields `GIVE_WAY`.
   */
  readonly cpu?: 'heavy';
  /** Credential types (`<plugin id>/<name>`) a slot of this node takes. */
  readonly credentials?: readonly string[];
  /** True when the step answers the webhook request that started the run. @default false */
  readonly replies?: boolean;
  /** By the version they start from. */
  readonly migrate?: { readonly [from: number]: Migration };
  /** Functions that list options for a form, by name. */
  readonly remote?: { readonly [name: string]: (args: RemoteArgs) => Promise<OptionPage> };
}

/** One output, several of them, or `undefined` to drop the item. Returning the very `item` that was given passes it on with its files. */
export type ItemResult = Output | Item | Iterable<Output | Item> | AsyncIterable<Output | Item> | undefined | void;

/** The runtime calls `run` for every item, `concurrency` of them at once. */
export interface ItemNode<S extends Shape> extends NodeBase<S> {
  readonly per: 'item';
  run(args: ItemArgs<ParamValues<S>>): ItemResult | Promise<ItemResult>;
}

/** An entry of what a per-batch type gives. */
type BatchEntry = Output | Item | FailedItem | GiveWay;

/**
 * Outputs in order. The very items that were given may be among them: they keep their files and their ancestry. A generator that works for
 * long says with `GIVE_WAY` where others may go first.
 */
export type BatchResult = Iterable<BatchEntry> | AsyncIterable<BatchEntry> | WaitRequest | undefined | void;

/** `run` sees all items at once. */
export interface BatchNode<S extends Shape> extends NodeBase<S> {
  readonly per: 'batch';
  /** Run with no items when the inputs were reached but empty. @default false */
  readonly runsOnEmpty?: boolean;
  /**
   * True: the batch succeeds or fails as a whole. False: every output names its item with `from` (or there is one per item), and
   * `failed(i, error)` says which items failed. `{ by, values }` lets a literal parameter decide: atomic for these values.
   * @default true
   */
  readonly atomic?: boolean | { readonly by: string; readonly values: readonly string[] };
  /** Waits for several edges by a policy. */
  readonly join?: JoinIR;
  /**
   * What a call may return instead of outputs: `timer` = `waitUntil`, `signal` = `waitForSignal`, and so on. A type whose call opens what it
   * waits for outside is a write that is `repeatable`; others have no effects.
   */
  readonly waits?: WaitKind;
  /** Repeats what its port `body` leads to. */
  readonly loop?: LoopIR;
  /** Ends the loop around it. @default false */
  readonly breaks?: boolean;
  run(args: BatchArgs<ParamValues<S>>): BatchResult | Promise<BatchResult>;
}

/** A node type without its parameters' types: what the runtime and `definePlugin` work with. */
export interface NodeDefinition extends Omit<NodeBase<Shape>, 'params'> {
  readonly [NODE_MARK]: 1;
  readonly per: 'item' | 'batch';
  readonly params: Shape;
  readonly runsOnEmpty?: boolean;
  readonly atomic?: boolean | { readonly by: string; readonly values: readonly string[] };
  readonly join?: JoinIR;
  readonly waits?: WaitKind;
  /** Repeats what its port `body` leads to. */
  readonly loop?: LoopIR;
  /** Ends the loop around it. @default false */
  readonly breaks?: boolean;
  readonly run: (args: never) => unknown;
}

/**
 * @example
 * defineNode({
 *   id: 'greet', version: 1, title: 'Greet', group: 'Data', per: 'item', effects: 'none',
 *   params: { name: p.text().title('Name').required() },
 *   run: ({ params }) => ({ hello: params.name }),
 * })
 */
export function defineNode<S extends Shape>(node: ItemNode<S> | BatchNode<S>): NodeDefinition {
  return { ...node, [NODE_MARK]: 1 };
}
