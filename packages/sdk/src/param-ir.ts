/**
 * The serialisable description of a parameter: what forms, validation, JSON Schema and coercion derive from.
 * Builders in `p` produce it; the editor, the server and the runtime read it.
 */
import type { Json } from './json.ts';

/** A condition over sibling parameters, as data, so that the browser and the server evaluate it alike. */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  | { readonly param: string; readonly op: 'eq' | 'ne' | 'in' | 'lt' | 'gt' | 'matches' | 'exists'; readonly value?: Json };

/** `allow`: literal or expression. `deny`: literal only (and handed over raw). `only`: must be an expression. */
export type ExprMode = 'allow' | 'deny' | 'only';

interface ParamBase {
  readonly title?: string;
  readonly help?: string;
  readonly default?: Json;
  /** True when a value must be present (after defaults, and only while `when` holds). */
  readonly required?: boolean;
  /** @default 'allow' */
  readonly expr?: ExprMode;
  readonly secret?: boolean;
  /** Per-batch nodes only: evaluate once per item and hand over an array. */
  readonly perItem?: boolean;
  readonly when?: Condition;
  readonly widget?: string;
  readonly placeholder?: string;
}

export interface ChoiceOption {
  readonly value: string;
  readonly title: string;
  readonly help?: string;
}

export type ParamIR =
  | (ParamBase & {
      readonly kind: 'text';
      readonly minLength?: number;
      readonly maxLength?: number;
      readonly pattern?: string;
      readonly multiline?: boolean;
      readonly format?: 'url' | 'email' | 'uuid';
    })
  | (ParamBase & { readonly kind: 'number'; readonly min?: number; readonly max?: number; readonly integer?: boolean })
  | (ParamBase & { readonly kind: 'boolean' })
  | (ParamBase & { readonly kind: 'choice'; readonly options: readonly ChoiceOption[]; readonly multiple?: boolean })
  | (ParamBase & { readonly kind: 'json' })
  | (ParamBase & {
      readonly kind: 'code';
      readonly language: string;
      /** Choice parameter of the same type whose value names the language instead. */
      readonly languageFrom?: string;
      readonly maxLength?: number;
    })
  | (ParamBase & { readonly kind: 'list'; readonly of: ParamIR; readonly minItems?: number; readonly maxItems?: number })
  | (ParamBase & { readonly kind: 'map'; readonly of: ParamIR; readonly maxItems?: number })
  | (ParamBase & { readonly kind: 'object'; readonly fields: { readonly [name: string]: ParamIR } })
  | (ParamBase & {
      readonly kind: 'variant';
      readonly tag: string;
      readonly variants: { readonly [tag: string]: { readonly [name: string]: ParamIR } };
    })
  | (ParamBase & { readonly kind: 'conditions' })
  | (ParamBase & { readonly kind: 'credential'; readonly types: readonly string[] })
  | (ParamBase & { readonly kind: 'file' })
  | (ParamBase & { readonly kind: 'date'; readonly withTime?: boolean });

export type ParamsIR = { readonly [name: string]: ParamIR };
