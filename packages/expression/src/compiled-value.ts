/** A whole parameter value: JSON whose texts may be templates. */
import type { Json } from '@plugboard/sdk';
import { compileTemplate, type CompiledTemplate } from './compiled-template.ts';
import { ExpressionError } from './expression-error.ts';
import { maxDataDepth, type Budget } from './limits.ts';
import type { CompileOptions, References, Scope } from './scope.ts';
import { parseText } from './template.ts';

export interface ValueProblem {
  /** Where in the value: field names and list places. */
  readonly path: readonly (string | number)[];
  readonly error: ExpressionError;
}

/**
 * Either a constant, or something to evaluate per scope. Compiling never throws: every problem is in `problems`, and evaluating a
 * value with problems throws the first.
 */
export type CompiledValue =
  | { readonly constant: true; readonly value: Json; readonly references: References; readonly problems: readonly ValueProblem[] }
  | {
      readonly constant: false;
      readonly references: References;
      readonly problems: readonly ValueProblem[];
      /**
       * The value for one scope: fields that come out undefined are left out, list elements become null.
       * @throws ExpressionError and nothing else
       */
      evaluate(scope: Scope, budget?: Budget): Json | undefined;
    };

/** A part of the value: as it is, or made from the scope. */
type Part = { readonly kind: 'constant'; readonly value: Json } | { readonly kind: 'made'; readonly make: Make };
type Make = (scope: Scope, budget: Budget | undefined) => Json | undefined;

interface Walk {
  readonly options: CompileOptions;
  readonly problems: ValueProblem[];
  readonly references: References[];
}

export function compileValue(value: Json, options: CompileOptions = {}): CompiledValue {
  const walk: Walk = { options, problems: [], references: [] };
  const part = partOf(value, [], walk);
  const references = mergedReferences(walk.references);
  const { problems } = walk;
  if (part.kind === 'constant' && problems.length === 0) return { constant: true, value: part.value, references, problems };
  const [first] = problems;
  return {
    constant: false,
    references,
    problems,
    evaluate(scope, budget) {
      if (first !== undefined) throw first.error;
      return part.kind === 'constant' ? part.value : part.make(scope, budget);
    },
  };
}

function partOf(value: Json, path: readonly (string | number)[], walk: Walk): Part {
  if (typeof value === 'string') return textPart(value, path, walk);
  if (typeof value !== 'object' || value === null) return { kind: 'constant', value };
  if (path.length >= maxDataDepth) {
    walk.problems.push({
      path,
      error: new ExpressionError('EXPR_DEPTH', `The value is nested deeper than ${maxDataDepth} levels.`, { position: 0 }),
    });
    return { kind: 'constant', value: null };
  }
  return isJsonList(value) ? listPart(value, path, walk) : objectPart(value, path, walk);
}

function textPart(text: string, path: readonly (string | number)[], walk: Walk): Part {
  const parsed = parseText(text);
  if (parsed.kind === 'literal') return { kind: 'constant', value: parsed.value };
  if (!parsed.source.includes('{{')) return { kind: 'constant', value: parsed.source };
  let template: CompiledTemplate;
  try {
    template = compileTemplate(parsed.source, walk.options);
  } catch (thrown) {
    // compileTemplate throws nothing else; anything else is a defect and must surface.
    if (!(thrown instanceof ExpressionError)) throw thrown;
    walk.problems.push({ path, error: thrown.at(path) });
    return { kind: 'constant', value: null };
  }
  walk.references.push(template.references);
  return {
    kind: 'made',
    make(scope, budget) {
      try {
        return template.evaluate(scope, budget);
      } catch (thrown) {
        throw thrown instanceof ExpressionError ? thrown.at(path) : thrown;
      }
    },
  };
}

function listPart(list: readonly Json[], path: readonly (string | number)[], walk: Walk): Part {
  const parts = list.map((element, index) => partOf(element, [...path, index], walk));
  if (parts.every((part) => part.kind === 'constant')) return { kind: 'constant', value: parts.map((part) => part.value) };
  return {
    kind: 'made',
    make: (scope, budget) => parts.map((part) => (part.kind === 'constant' ? part.value : (part.make(scope, budget) ?? null))),
  };
}

function objectPart(object: { readonly [key: string]: Json }, path: readonly (string | number)[], walk: Walk): Part {
  const fields: { readonly key: string; readonly part: Part }[] = [];
  for (const [key, value] of Object.entries(object)) {
    if (key === '__proto__') {
      const error = new ExpressionError('EXPR_NOT_ALLOWED', 'The key __proto__ cannot be used.', { position: 0 });
      walk.problems.push({ path: [...path, key], error });
    } else fields.push({ key, part: partOf(value, [...path, key], walk) });
  }
  const make: Make = (scope, budget) => {
    const made: { [key: string]: Json } = {};
    for (const { key, part } of fields) {
      const value = part.kind === 'constant' ? part.value : part.make(scope, budget);
      if (value !== undefined) made[key] = value;
    }
    return made;
  };
  if (fields.some(({ part }) => part.kind === 'made')) return { kind: 'made', make };
  return {
    kind: 'constant',
    value: Object.fromEntries(fields.map(({ key, part }) => [key, part.kind === 'constant' ? part.value : null])),
  };
}

function isJsonList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function mergedReferences(all: readonly References[]): References {
  const some = (test: (references: References) => boolean): boolean => all.some(test);
  return {
    nodes: [...new Set(all.flatMap((references) => references.nodes))],
    dynamicNode: some((references) => references.dynamicNode),
    vars: [...new Set(all.flatMap((references) => references.vars))],
    dynamicVars: some((references) => references.dynamicVars),
    usesItem: some((references) => references.usesItem),
    usesInput: some((references) => references.usesInput),
    usesRun: some((references) => references.usesRun),
    usesWorkflow: some((references) => references.usesWorkflow),
    usesNow: some((references) => references.usesNow),
  };
}
