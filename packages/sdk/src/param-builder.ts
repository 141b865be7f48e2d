/**
 * `p`: how a plugin author writes parameters. One chain gives the TypeScript type `run` sees and the JSON description
 * that forms, validation, JSON Schema and coercion read.
 *
 * Every modifier returns a new builder. A parameter is optional until `.required()` or `.default(value)`.
 */
import type { FileRef } from './item.ts';
import type { Json } from './json.ts';
import type { ChoiceOption, Condition, ExprMode, ParamIR } from './param-ir.ts';

declare const TYPE: unique symbol;
declare const OPTIONAL: unique symbol;

/** A parameter whose value has the type `T`; `O` is true when the value may be absent. */
export interface Param<T, O extends boolean> {
  readonly [TYPE]?: T;
  readonly [OPTIONAL]?: O;
  readonly ir: ParamIR;
}

/** Parameters by name. */
export type Shape = { readonly [name: string]: Param<unknown, boolean> };

/** The type of one parameter's value. */
export type ParamValue<X> = X extends Param<infer T, boolean> ? T : never;

type Flat<T> = { [K in keyof T]: T[K] } & {};

/** What `run` receives for these parameters. */
export type ParamValues<S extends Shape> = Flat<
  { readonly [K in keyof S as S[K] extends Param<unknown, false> ? K : never]: ParamValue<S[K]> } & {
    readonly [K in keyof S as S[K] extends Param<unknown, false> ? never : K]?: ParamValue<S[K]>;
  }
>;

/** Modifiers every kind has. */
export interface ParamModifiers<T, O extends boolean> extends Param<T, O> {
  /** The label in forms. Every parameter a person fills in has one. */
  title(text: string): this;
  /** One or two sentences below the field. */
  help(text: string): this;
  placeholder(text: string): this;
  /** Whether an expression may stand here. @default 'allow' (`'deny'` for `p.code`) */
  expr(mode: ExprMode): this;
  /** The value is masked in forms, logs and exports. */
  secret(): this;
  /** Names the form control to use instead of the kind's own. */
  widget(name: string): this;
  /** Per-batch nodes only: evaluated once per item and handed over as an array in item order. */
  perItem(): ParamModifiers<readonly T[], O>;
  /**
   * Shows, evaluates and hands over the parameter only while the condition on its siblings holds; its type becomes optional.
   * Comes last: write `.required().when(...)` for "must be given while it shows".
   */
  when(condition: Condition): Param<T, true>;
}

export interface TextParam<O extends boolean = true> extends ParamModifiers<string, O> {
  required(): TextParam<false>;
  default(value: string): TextParam<false>;
  /** Least number of characters (UTF-16 units). */
  min(length: number): this;
  /** Most characters (UTF-16 units). */
  max(length: number): this;
  /** The whole text matches this regular expression's source. Nested repetition is refused because it can take for ever. */
  pattern(source: string): this;
  format(format: 'url' | 'email' | 'uuid'): this;
  multiline(): this;
}

export interface NumberParam<O extends boolean = true> extends ParamModifiers<number, O> {
  required(): NumberParam<false>;
  default(value: number): NumberParam<false>;
  min(value: number): this;
  max(value: number): this;
  integer(): this;
}

export interface BooleanParam<O extends boolean = true> extends ParamModifiers<boolean, O> {
  required(): BooleanParam<false>;
  default(value: boolean): BooleanParam<false>;
}

export interface ChoiceParam<V extends string, O extends boolean = true> extends ParamModifiers<V, O> {
  required(): ChoiceParam<V, false>;
  default(value: V): ChoiceParam<V, false>;
  /** Any number of the options, as an array. Comes before `.required()` and `.default()`. */
  multiple(): ChoicesParam<V>;
}

export interface ChoicesParam<V extends string, O extends boolean = true> extends ParamModifiers<readonly V[], O> {
  required(): ChoicesParam<V, false>;
  default(value: readonly V[]): ChoicesParam<V, false>;
}

export interface JsonParam<O extends boolean = true> extends ParamModifiers<Json, O> {
  required(): JsonParam<false>;
  default(value: Json): JsonParam<false>;
}

export interface CodeParam<O extends boolean = true> extends ParamModifiers<string, O> {
  required(): CodeParam<false>;
  default(value: string): CodeParam<false>;
  /** Most characters (UTF-16 units). */
  max(length: number): this;
}

export interface ListParam<T, O extends boolean = true> extends ParamModifiers<readonly T[], O> {
  required(): ListParam<T, false>;
  default(value: readonly T[]): ListParam<T, false>;
  /** Fewest entries. */
  min(entries: number): this;
  /** Most entries. */
  max(entries: number): this;
}

export interface MapParam<T, O extends boolean = true> extends ParamModifiers<{ readonly [key: string]: T }, O> {
  required(): MapParam<T, false>;
  default(value: { readonly [key: string]: T }): MapParam<T, false>;
  /** Most entries. */
  max(entries: number): this;
}

export interface ObjectParam<T, O extends boolean = true> extends ParamModifiers<T, O> {
  required(): ObjectParam<T, false>;
  default(value: T): ObjectParam<T, false>;
}

export interface ConditionsParam<O extends boolean = true> extends ParamModifiers<boolean, O> {
  required(): ConditionsParam<false>;
  default(value: boolean): ConditionsParam<false>;
}

export interface CredentialParam<O extends boolean = true> extends ParamModifiers<string, O> {
  required(): CredentialParam<false>;
}

export interface FileParam<O extends boolean = true> extends ParamModifiers<FileRef, O> {
  required(): FileParam<false>;
}

export interface DateParam<O extends boolean = true> extends ParamModifiers<string, O> {
  required(): DateParam<false>;
  default(value: string): DateParam<false>;
  /** An instant (`2026-01-31T09:00:00.000Z`) instead of a day (`2026-01-31`). */
  withTime(): this;
}

type VariantValue<Tag extends string, V extends { readonly [tag: string]: Shape }> = {
  [K in keyof V & string]: Flat<{ readonly [T in Tag]: K } & ParamValues<V[K]>>;
}[keyof V & string];

type ChoiceInput<V extends string> = V | { readonly value: V; readonly title?: string; readonly help?: string };

/** Parameter builders. */
export interface ParamBuilders {
  text(): TextParam;
  number(): NumberParam;
  boolean(): BooleanParam;
  /** One of some options: `['GET', 'POST']`, `{ get: 'Get one', list: 'List all' }`, or `[{ value, title, help }]`. */
  choice<const V extends string>(options: readonly ChoiceInput<V>[]): ChoiceParam<V>;
  choice<const M extends { readonly [value: string]: string }>(options: M): ChoiceParam<keyof M & string>;
  /** Any JSON value. */
  json(): JsonParam;
  /**
   * Source text in a language such as `javascript`; handed over raw, never taken for an expression.
   * `languageFrom` names the choice parameter of the same node type that says the language instead.
   */
  code(language: string, options?: { readonly languageFrom: string }): CodeParam;
  list<T>(of: Param<T, boolean>): ListParam<T>;
  /** Values by a key the person chooses. */
  map<T>(of: Param<T, boolean>): MapParam<T>;
  object<S extends Shape>(fields: S): ObjectParam<ParamValues<S>>;
  /** One of several groups of fields, told apart by the field `tag`. The only way to an exact union type. */
  variant<Tag extends string, V extends { readonly [tag: string]: Shape }>(tag: Tag, variants: V): ObjectParam<VariantValue<Tag, V>>;
  /**
   * A question with the answer yes or no. On disk a boolean, an expression, or
   * `{ all | any: [{ left, op, right }] }` with expressions inside; `run` receives the answer.
   */
  conditions(): ConditionsParam;
  /**
   * The key of a credential of one of these types (`<plugin id>/<name>`); never an expression. The parameter's name is the slot that requests
   * name: `ctx.fetch(url, { credential: 'account' })` for `account: p.credential('acme/account')`.
   */
  credential(...types: readonly string[]): CredentialParam;
  file(): FileParam;
  /** ISO text: a day, or an instant after `.withTime()`. */
  date(): DateParam;
}

/** All modifiers over a description; the interfaces above show each kind only the ones it has. */
class Builder {
  readonly ir: ParamIR;

  constructor(ir: ParamIR) {
    this.ir = ir;
  }

  with(change: { readonly [member: string]: unknown }): Builder {
    return new Builder({ ...this.ir, ...change });
  }
  title(title: string): Builder {
    return this.with({ title });
  }
  help(help: string): Builder {
    return this.with({ help });
  }
  placeholder(placeholder: string): Builder {
    return this.with({ placeholder });
  }
  expr(expr: ExprMode): Builder {
    return this.with({ expr });
  }
  secret(): Builder {
    return this.with({ secret: true });
  }
  widget(widget: string): Builder {
    return this.with({ widget });
  }
  perItem(): Builder {
    return this.with({ perItem: true });
  }
  when(condition: Condition): Builder {
    return this.with({ when: condition });
  }
  required(): Builder {
    return this.with({ required: true });
  }
  default(value: Json): Builder {
    return this.with({ default: value });
  }
  min(bound: number): Builder {
    return this.with({ [this.ir.kind === 'number' ? 'min' : this.ir.kind === 'list' ? 'minItems' : 'minLength']: bound });
  }
  max(bound: number): Builder {
    const { kind } = this.ir;
    return this.with({ [kind === 'number' ? 'max' : kind === 'list' || kind === 'map' ? 'maxItems' : 'maxLength']: bound });
  }
  pattern(pattern: string): Builder {
    return this.with({ pattern });
  }
  format(format: string): Builder {
    return this.with({ format });
  }
  multiline(): Builder {
    return this.with({ multiline: true });
  }
  integer(): Builder {
    return this.with({ integer: true });
  }
  multiple(): Builder {
    return this.with({ multiple: true });
  }
  withTime(): Builder {
    return this.with({ withTime: true });
  }
}

/** The type side of a builder is phantom, so the step from the one class to a kind's interface is a cast, made only here. */
function build<T>(ir: ParamIR): T {
  return new Builder(ir) as unknown as T;
}

export const p: ParamBuilders = {
  text: () => build({ kind: 'text' }),
  number: () => build({ kind: 'number' }),
  boolean: () => build({ kind: 'boolean' }),
  choice: <V extends string>(options: readonly ChoiceInput<V>[] | { readonly [value: string]: string }): ChoiceParam<V> =>
    build({ kind: 'choice', options: choiceOptions(options) }),
  json: () => build({ kind: 'json' }),
  code: (language, options) => build({ kind: 'code', language, expr: 'deny', ...options }),
  list: (of) => build({ kind: 'list', of: of.ir }),
  map: (of) => build({ kind: 'map', of: of.ir }),
  object: (fields) => build({ kind: 'object', fields: shapeIR(fields) }),
  variant: (tag, variants) =>
    build({ kind: 'variant', tag, variants: Object.fromEntries(Object.entries(variants).map(([name, shape]) => [name, shapeIR(shape)])) }),
  conditions: () => build({ kind: 'conditions' }),
  credential: (...types) => build({ kind: 'credential', types, expr: 'deny' }),
  file: () => build({ kind: 'file' }),
  date: () => build({ kind: 'date' }),
};

/** The description of parameters by name. */
export function shapeIR(shape: Shape): { readonly [name: string]: ParamIR } {
  return Object.fromEntries(Object.entries(shape).map(([name, param]) => [name, param.ir]));
}

function choiceOptions(options: readonly ChoiceInput<string>[] | { readonly [value: string]: string }): readonly ChoiceOption[] {
  if (!isList(options)) return Object.entries(options).map(([value, title]) => ({ value, title }));
  return options.map((option) =>
    typeof option === 'string' ? { value: option, title: option } : { ...option, title: option.title ?? option.value },
  );
}

/** `Array.isArray` does not narrow readonly arrays. */
function isList<T>(value: readonly T[] | { readonly [key: string]: string }): value is readonly T[] {
  return Array.isArray(value);
}
