/** The limits a definition is held to: those an operator may change, and those of the format itself. */
import type { DefinitionLimits } from './types.ts';

export const DEFAULT_LIMITS: DefinitionLimits = { maxNodes: 100, maxEdges: 400, maxTextLength: 1_048_576 };

/** Limits of the format. They bound the work of reading untrusted input and do not depend on settings. */
export const FORMAT = {
  /** Values of any kind, counted over the whole input. */
  maxValues: 1_000_000,
  /** Characters of text, counted over the whole input. */
  maxCharacters: 16_777_216,
  /** Lists and objects inside each other, counted from a parameter value. */
  maxDepth: 32,
  /** Problems listed before the rest is cut. */
  maxProblems: 200,
  /** Different expressions of one definition: each is compiled when it is checked. */
  maxExpressions: 5_000,
  /** Patterns (`/…/`) in them: compiling one costs as much as a dozen expressions without. */
  maxPatterns: 400,
  maxEntries: 100_000,
  maxNameLength: 200,
  maxNodeNameLength: 100,
  maxNotesLength: 10_000,
  maxCoordinate: 10_000_000,
  /** 30 days. */
  maxTimeoutMs: 2_592_000_000,
  /** 7 days. */
  maxDelayMs: 604_800_000,
  maxAttempts: 100,
  maxConcurrency: 1_000,
} as const;
