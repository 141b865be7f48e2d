/** What an expression can see. The host builds one per item; everything in it is read-only JSON. */
import type { FileRef, Item, JsonObject } from '@plugboard/sdk';
import type { Limits } from './limits.ts';

/** The output of another node, as seen from the current item. */
export interface NodeView {
  /** The item of that node which the current item came from; undefined when lineage does not lead to exactly one. */
  item(): Item | undefined;
  /** Every item of that node. */
  all(): readonly Item[];
}

/** The items that arrived at this step. */
export interface InputView {
  item(): Item | undefined;
  all(): readonly Item[];
}

export interface Scope {
  /** The current item's record; undefined where a step has no current item (per-batch parameters). */
  readonly json: JsonObject | undefined;
  readonly files?: { readonly [name: string]: FileRef } | undefined;
  /** 0-based place of the current item in its batch. */
  readonly itemIndex: number | undefined;
  /** The named node's output; undefined when the workflow has no such node or it has not run. */
  node(name: string): NodeView | undefined;
  readonly input: InputView;
  readonly run: JsonObject;
  readonly workflow: JsonObject;
  readonly vars: JsonObject;
  /** ISO 8601 instant: the start of the step, so that a replay sees the same time. */
  readonly now: string;
  /** IANA time zone in which dates are shown and days begin. */
  readonly zone: string;
}

/** Optional choices when compiling. */
export interface CompileOptions {
  /** Overrides of single limits. */
  readonly limits?: Partial<Limits>;
}

/** What an expression refers to, found without evaluating it. */
export interface References {
  /** Literal names in `$('…')`, each once, in order of first use. */
  readonly nodes: readonly string[];
  /** True when some `$(…)` computes its name, so `nodes` may be incomplete. */
  readonly dynamicNode: boolean;
  /** Literal names read from `$vars`. */
  readonly vars: readonly string[];
  /** True when `$vars` is used whole or with a computed name. */
  readonly dynamicVars: boolean;
  /** True when the value depends on the current item: `$json`, `$item`, `$itemIndex`, `$files`, `$('…').item`, `$input.item`. */
  readonly usesItem: boolean;
  readonly usesInput: boolean;
  readonly usesRun: boolean;
  readonly usesWorkflow: boolean;
  /** True for `$now` and `$today`. */
  readonly usesNow: boolean;
}
