/** Builders for tests: a small valid scope, and evaluation in one call. */
import type { Item, Json, JsonObject } from '@plugboard/sdk';
import { compileTemplate, ExpressionError, type Scope } from '../src/index.ts';

interface ScopeParts extends Partial<Omit<Scope, 'node'>> {
  readonly items?: readonly Item[];
}

export function aScope(parts: ScopeParts = {}): Scope {
  const { items = [{ json: { n: 1 } }, { json: { n: 2 } }], ...rest } = parts;
  const view = { item: () => items[0], all: () => items };
  return {
    json: { name: 'Ada' },
    itemIndex: 0,
    node: (name) => (name === 'Webhook' ? view : undefined),
    input: view,
    run: { id: 'run-1' },
    workflow: { id: 'wf-1', name: 'Orders' },
    vars: { region: 'eu' },
    now: '2026-03-28T12:00:00Z',
    zone: 'Europe/Paris',
    ...rest,
  };
}

/** The value of one expression, given without braces. */
export function valueOf(expression: string, json: JsonObject = {}, parts: ScopeParts = {}): Json | undefined {
  return compileTemplate(`{{ ${expression} }}`).evaluate(aScope({ json, ...parts }));
}

/** The error of compiling or evaluating a template. */
export function errorOf(source: string, json: JsonObject = {}, parts: ScopeParts = {}): ExpressionError {
  try {
    const value = compileTemplate(source).evaluate(aScope({ json, ...parts }));
    throw new Error(`No error, but the value ${JSON.stringify(value)}.`);
  } catch (thrown) {
    if (thrown instanceof ExpressionError) return thrown;
    throw thrown;
  }
}
