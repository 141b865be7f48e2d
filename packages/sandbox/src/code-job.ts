/** What goes into the sandbox and what comes out. */
import type { FileRef, Item, JsonObject, StepError } from '@plugboard/sdk';

/** Each limit of the sandbox is a ceiling; a job may only lower it. */
export interface CodeLimits {
  /** Wall-clock time of one job, in milliseconds, counted from its start in the child. @default 10_000 */
  readonly timeMs: number;
  /** Heap of the guest, in bytes. @default 134_217_728 (128 MiB) */
  readonly memoryBytes: number;
  /** Result as JSON text, in bytes. @default 16_777_216 (16 MiB) */
  readonly outputBytes: number;
  /** Items of the result, over all input items. @default 200_000 */
  readonly items: number;
  /** Console lines kept. @default 200 */
  readonly logLines: number;
  /** Console text kept, in bytes. @default 65_536 */
  readonly logBytes: number;
}

export const defaultLimits: CodeLimits = {
  timeMs: 10_000,
  memoryBytes: 128 * 1024 * 1024,
  outputBytes: 16 * 1024 * 1024,
  items: 200_000,
  logLines: 200,
  logBytes: 64 * 1024,
};

/** What the code sees besides its input items. */
export interface CodeScope {
  /** Earlier nodes by name, for `$('Name')`. Ship only those {@link referencedNodes} finds. */
  readonly nodes: {
    readonly [name: string]: {
      readonly items: readonly Item[];
      /** Per input item: the index in `items` of the item it descends from; undefined when there is no single one. */
      readonly paired?: readonly (number | undefined)[];
    };
  };
  /** `$run` */
  readonly run: JsonObject;
  /** `$workflow` */
  readonly workflow: JsonObject;
  /** `$vars` */
  readonly vars: JsonObject;
  /** `$now`: the step's start, ISO 8601. */
  readonly now: string;
  /** IANA name of the workflow's time zone: what `Date` calls local time. */
  readonly zone: string;
}

export interface CodeJob {
  /** Between jobs of different workspaces all of the guest's memory is cleared. */
  readonly workspaceId: string;
  /** As {@link prepareCode} returned it. */
  readonly code: string;
  readonly mode: 'each-item' | 'all-items';
  readonly items: readonly Item[];
  readonly scope: CodeScope;
  readonly limits?: Partial<CodeLimits>;
}

export interface CodeItem {
  readonly json: JsonObject;
  readonly files?: { readonly [name: string]: FileRef };
  /** Indexes of the input items it comes from; left out when the sandbox cannot tell. */
  readonly from?: readonly number[];
}

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  /** Index of the input item that was being worked on; only in each-item mode. */
  readonly item?: number;
}

export type ItemOutcome = { readonly ok: readonly CodeItem[] } | { readonly error: StepError };

export type CodeOutcome =
  /** all-items mode */
  | { readonly ok: true; readonly items: readonly CodeItem[] }
  /** each-item mode: one outcome per input item, in order */
  | { readonly ok: true; readonly perItem: readonly ItemOutcome[] }
  | { readonly ok: false; readonly error: StepError };

export interface CodeResult {
  readonly logs: readonly LogLine[];
  readonly outcome: CodeOutcome;
}
