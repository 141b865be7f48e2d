/**
 * What an item's requests say about a write that failed: none left means it may be repeated, one without an answer means it may have
 * happened. This is the parent's own record; a plugin's word does not change it.
 */
import type { EffectKind, Json, JsonObject, NodeTypeIR, StepError } from '@plugboard/sdk';

export interface WriteRecord {
  /** Writes that a service acknowledged. */
  acknowledged: number;
  /** Writes that may have left and have no answer: those in flight, and those that failed without proof. */
  uncertain: number;
  /** Requests and connections that went out, reads among them; without those that surely reached nobody. */
  left: number;
}

/** Kinds after which a retry is worth a try, so that what was acknowledged before could be applied again. */
const RETRYABLE: ReadonlySet<string> = new Set(['rejected', 'rate_limited', 'timeout', 'unavailable', 'cancelled']);

/** Whether a failed item leaves open if its write happened. */
export function isUnknown(error: StepError, record: WriteRecord | undefined, type: NodeTypeIR, params: JsonObject): boolean {
  if (record === undefined || effectsOf(type, params) !== 'write') return false;
  if (type.rejected?.includes(error.code) === true) return false;
  return record.uncertain > 0 || (record.acknowledged > 0 && RETRYABLE.has(error.kind));
}

/** What a step with these parameters does to the outside. */
export function effectsOf(type: NodeTypeIR, params: JsonObject): EffectKind {
  const { effects } = type;
  if (typeof effects === 'string') return effects;
  const value = choiceText(params[effects.by]);
  return Object.hasOwn(effects.cases, value) ? (effects.cases[value] ?? effects.else) : effects.else;
}

/** The value of a parameter that decides: a choice or a boolean. Anything else decides nothing. */
function choiceText(value: Json | undefined): string {
  return typeof value === 'string' ? value : typeof value === 'boolean' ? String(value) : '';
}
