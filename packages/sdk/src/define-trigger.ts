/** `defineTrigger`: what starts runs. */
import type { Json, JsonObject } from './json.ts';
import type { Migration, OptionPage, RemoteArgs } from './define-node.ts';
import type { Output } from './output.ts';
import type { ParamValues, Shape } from './param-builder.ts';
import type { CallCtx, PollCtx } from './step-context.ts';
import type { PortsIR, TriggerKind } from './type-ir.ts';

export const TRIGGER_MARK: unique symbol = Symbol.for('plugboard.trigger');

interface TriggerBase<S extends Shape> {
  /** Unique in the plugin; `[A-Za-z0-9_-]{1,64}`. */
  readonly id: string;
  /** From 1; a workflow pins it. */
  readonly version: number;
  readonly title: string;
  readonly help?: string;
  readonly icon?: string;
  readonly group: string;
  readonly params: S;
  /** @default one output, `main` */
  readonly ports?: PortsIR;
  readonly credentials?: readonly string[];
  readonly migrate?: { readonly [from: number]: Migration };
  readonly remote?: { readonly [name: string]: (args: RemoteArgs) => Promise<OptionPage> };
}

/** A person or the command line starts the run. */
export interface ManualTrigger<S extends Shape> extends TriggerBase<S> {
  readonly kind: 'manual';
}

/** A step of another workflow starts the run. The `inputs` of the workflow say what its items have to be. */
export interface CalledTrigger<S extends Shape> extends TriggerBase<S> {
  readonly kind: 'called';
}

/** A run of another workflow that did not end well starts the run. */
export interface ErrorTrigger<S extends Shape> extends TriggerBase<S> {
  readonly kind: 'error';
}

/** Rows of the server's schedule start the run. */
export interface ScheduleTrigger<S extends Shape> extends TriggerBase<S> {
  readonly kind: 'schedule';
}

export interface WebhookRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: { readonly [name: string]: string };
  readonly query: JsonObject;
  readonly params: JsonObject;
  readonly body: Json;
}

export interface RegistrationArgs<P> {
  readonly params: P;
  /** Where the service shall send its requests. */
  readonly url: string;
  /** Stable for this trigger; use it to find an earlier registration. */
  readonly registrationId: string;
  /** What `register` returned last. */
  readonly registration?: Json;
  readonly ctx: CallCtx;
}

/**
 * A request to the server starts the run. The parameters `path`, `method`, `moreMethods` and `reply` belong to the extension point, and so do
 * those of `core/webhook` that say who may call, how bodies are read and repeats are known: a type that declares one by its name has it served. One with
 * `formFields` is a form: a page that people fill in at the address, as `core/form-trigger` has it.
 */
export interface WebhookTrigger<S extends Shape> extends TriggerBase<S> {
  readonly kind: 'webhook';
  /** Turns a request into items. @default one item `{ body, headers, query, params, method, path }` */
  handle?(args: {
    readonly params: ParamValues<S>;
    readonly request: WebhookRequest;
    readonly ctx: CallCtx;
  }): Output | readonly Output[] | Promise<Output | readonly Output[]>;
  /** Tells the service about the address; idempotent. What it returns is stored. */
  register?(args: RegistrationArgs<ParamValues<S>>): Promise<Json>;
  unregister?(args: RegistrationArgs<ParamValues<S>>): Promise<void>;
  renew?(args: RegistrationArgs<ParamValues<S>>): Promise<Json>;
}

/** A page of new items; the next page is asked for only after their runs and `cursor` are committed. */
export interface PollPage {
  readonly items: readonly Output[];
  readonly cursor: Json;
}

/** Arguments of `poll`. */
export interface PollArgs<P> {
  readonly params: P;
  /** What the last page that was committed gave; undefined the first time, when nothing that is there already should start a run. */
  readonly cursor: Json | undefined;
  /** Somebody tries it in the editor: give a few of the newest items, new or not. Nothing is kept, so nothing may be changed. */
  readonly isTest: boolean;
  readonly ctx: PollCtx;
}

/**
 * The server asks on a timetable. The parameter `everySeconds` belongs to the extension point: a type that declares it lets people choose
 * the pace. Each page with items starts one run, which is committed together with the page's cursor.
 */
export interface PollTrigger<S extends Shape> extends TriggerBase<S> {
  readonly kind: 'poll';
  poll(args: PollArgs<ParamValues<S>>): AsyncGenerator<PollPage, void, void>;
}

/** A connection that stays open. Resuming the generator means that what it gave is committed. */
export interface StreamTrigger<S extends Shape> extends TriggerBase<S> {
  readonly kind: 'stream';
  open(args: {
    readonly params: ParamValues<S>;
    readonly state: Json | undefined;
    readonly ctx: CallCtx;
  }): AsyncGenerator<StreamEvent, void, void>;
}

export interface StreamEvent {
  readonly item: Output;
  /** Unique among the stream's events; the server drops repeats. */
  readonly id?: string;
}

/** A trigger type without its parameters' types. */
export interface TriggerDefinition extends Omit<TriggerBase<Shape>, 'params'> {
  readonly [TRIGGER_MARK]: 1;
  readonly kind: TriggerKind;
  readonly params: Shape;
  readonly handle?: (args: never) => unknown;
  readonly register?: (args: never) => unknown;
  readonly unregister?: (args: never) => unknown;
  readonly renew?: (args: never) => unknown;
  readonly poll?: (args: never) => unknown;
  readonly open?: (args: never) => unknown;
}

export function defineTrigger<S extends Shape>(
  trigger:
    | ManualTrigger<S>
    | CalledTrigger<S>
    | ErrorTrigger<S>
    | ScheduleTrigger<S>
    | WebhookTrigger<S>
    | PollTrigger<S>
    | StreamTrigger<S>,
): TriggerDefinition {
  return { ...trigger, [TRIGGER_MARK]: 1 };
}
