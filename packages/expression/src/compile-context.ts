/** What the parts of the compiler hand to each other. */
import type { Node } from 'acorn';
import type { Limits } from './limits.ts';
import type { Use } from './names.ts';

/** What compiling several parts of one source shares. */
export interface CompileContext {
  readonly source: string;
  readonly limits: Limits;
  readonly references: ReferenceCollector;
  /** Slots given to arrow parameters so far. */
  slots: number;
  /** Sizes of its patterns so far, in RE2 instructions. */
  patternSize: number;
}

export interface ReferenceCollector {
  readonly nodes: Set<string>;
  readonly vars: Set<string>;
  readonly uses: Set<Use>;
}

/** Arrow parameters in force, by name. */
export type Locals = ReadonlyMap<string, number>;

/** Source text for messages, shortened. */
export function sourceOf(node: Node, context: CompileContext): string {
  const text = context.source.slice(node.start, node.end).replace(/\s+/g, ' ');
  return text.length <= 40 ? text : `${text.slice(0, 37)}…`;
}
