/** A template ready to be evaluated many times. */
import type { Json } from '@plugboard/sdk';
import type { CompileContext, ReferenceCollector } from './compile-context.ts';
import { compileExpression } from './compiler.ts';
import { Evaluation, type Compiled } from './evaluation.ts';
import { asExpressionError } from './expression-error.ts';
import { defaultLimits, type Budget, type Limits } from './limits.ts';
import { resultOf, textOf } from './plain.ts';
import type { CompileOptions, References, Scope } from './scope.ts';
import { isStoredData } from './syntax.ts';
import { piecesOf, type TemplatePiece } from './template.ts';

export interface CompiledTemplate {
  readonly source: string;
  readonly references: References;
  /**
   * The value for one scope. A lone `{{ }}` keeps its type, text around it makes text.
   * The result may share parts with the scope, which nothing changes.
   * @throws ExpressionError and nothing else
   */
  evaluate(scope: Scope, budget?: Budget): Json | undefined;
}

/**
 * Compiles a template, given without its leading `=`.
 * @throws ExpressionError with the place of the first problem
 */
export function compileTemplate(source: string, options: CompileOptions = {}): CompiledTemplate {
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const references: ReferenceCollector = { nodes: new Set(), vars: new Set(), uses: new Set() };
  const run = compileOrThrow(source, { source, limits, references, slots: 0, patternSize: 0 });
  let idle: Evaluation | undefined = new Evaluation(limits);
  return {
    source,
    references: referencesOf(references),
    evaluate(scope, budget) {
      // A scope that evaluates this same template while it is being read gets an evaluation of its own.
      const evaluation = idle ?? new Evaluation(limits);
      idle = undefined;
      evaluation.open(scope, budget === undefined ? limits.fuel : budget.fuel);
      try {
        return run(evaluation);
      } catch (thrown) {
        throw asExpressionError(thrown, 0, source.length);
      } finally {
        if (budget !== undefined) budget.fuel = Math.max(0, evaluation.fuel);
        evaluation.close();
        idle = evaluation;
      }
    },
  };
}

type Run = (evaluation: Evaluation) => Json | undefined;

function compileOrThrow(source: string, context: CompileContext): Run {
  try {
    return runOf(piecesOf(source, context.limits), context);
  } catch (thrown) {
    throw asExpressionError(thrown, 0, source.length);
  }
}

function runOf(pieces: readonly TemplatePiece[], context: CompileContext): Run {
  const [only] = pieces;
  if (only === undefined) return () => '';
  if (pieces.length > 1) return textRun(pieces, context);
  if (only.kind === 'text') return () => only.text;
  const value = compileExpression(only.node, context);
  const isStored = isStoredData(only.node);
  return (evaluation) => {
    const result = value(evaluation);
    switch (typeof result) {
      case 'string':
      case 'boolean':
      case 'undefined':
        return result;
      case 'object':
        return isStored ? (result as Json) : resultOf(evaluation, result);
      default:
        return resultOf(evaluation, result);
    }
  };
}

function textRun(pieces: readonly TemplatePiece[], context: CompileContext): Run {
  const parts = pieces.map((piece): string | Compiled => (piece.kind === 'text' ? piece.text : placedPart(piece, context)));
  return (evaluation) => {
    let text = '';
    for (const part of parts) {
      const added = typeof part === 'string' ? part : textOf(evaluation, part(evaluation));
      evaluation.chargeText(text.length + added.length);
      text += added;
    }
    return text;
  };
}

/** A part whose own errors without a place point at its braces. */
function placedPart(piece: Extract<TemplatePiece, { kind: 'expression' }>, context: CompileContext): Compiled {
  const value = compileExpression(piece.node, context);
  return (evaluation) => {
    try {
      const made = value(evaluation);
      return typeof made === 'string' ? made : textOf(evaluation, made);
    } catch (thrown) {
      throw asExpressionError(thrown, piece.start, piece.end);
    }
  };
}

function referencesOf(collected: ReferenceCollector): References {
  const { nodes, vars, uses } = collected;
  return {
    nodes: [...nodes],
    dynamicNode: uses.has('dynamicNode'),
    vars: [...vars],
    dynamicVars: uses.has('dynamicVars'),
    usesItem: uses.has('usesItem'),
    usesInput: uses.has('usesInput'),
    usesRun: uses.has('usesRun'),
    usesWorkflow: uses.has('usesWorkflow'),
    usesNow: uses.has('usesNow'),
  };
}
