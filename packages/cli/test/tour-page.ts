/** Reads the commands of a page and what it says that they print. */

export interface PageStep {
  /** Text of a block marked `sh`. */
  readonly commands: string;
  /** The block right behind it, when there is one marked `text` or `json`. */
  readonly output?: { readonly kind: 'text' | 'json'; readonly text: string };
  /** Line of the page, counted from 1. */
  readonly line: number;
}

export function readPage(markdown: string): readonly PageStep[] {
  const blocks = [...markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map((match) => ({
    kind: match[1] ?? '',
    text: match[2] ?? '',
    from: match.index,
    to: match.index + match[0].length,
  }));
  return blocks.flatMap((block, n) => {
    if (block.kind !== 'sh') return [];
    const line = markdown.slice(0, block.from).split('\n').length;
    const next = blocks[n + 1];
    const follows = next !== undefined && markdown.slice(block.to, next.from).trim() === '';
    if (!follows || (next.kind !== 'text' && next.kind !== 'json')) return [{ commands: block.text, line }];
    return [{ commands: block.text, output: { kind: next.kind, text: next.text }, line }];
  });
}

/**
 * Ids, times and durations differ from run to run, and so do the blanks that align a table. A quick step leaves fewer events than a slow one,
 * so their number differs too.
 */
export function withoutChance(text: string): string {
  return text
    .replaceAll(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'ID')
    .replaceAll(/^[0-9a-f]{8}\b/gm, 'ID')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/\b\d+(?:\.\d+)? (?:ms|s|min)\b/g, 'DURATION')
    .replaceAll(/\b\d+ events\b/g, 'EVENTS')
    .replaceAll(/[ \t]+/g, ' ')
    .replaceAll(/ $/gm, '')
    .trim();
}
