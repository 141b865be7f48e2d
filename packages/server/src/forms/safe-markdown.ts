/**
 * Markdown of workflows as HTML that is safe on any page: everything is escaped first, so HTML in it is text, and only what is made here is
 * markup. Headings, lists, quotes, code, emphasis and links to the web, mail or telephone; pictures and tables stay as they are written.
 */
import { escapeHtml } from './paper.ts';

const MAX_LENGTH = 50_000;

/** @param markdown kept to its first 50,000 characters */
export function safeMarkdown(markdown: string): string {
  const lines = markdown.slice(0, MAX_LENGTH).replaceAll('\r\n', '\n').split('\n');
  const parts: string[] = [];
  for (let at = 0; at < lines.length;) {
    const block = BLOCKS.find(({ begins }) => begins.test(lines[at] ?? ''));
    const from = at;
    at += 1;
    if (!block) {
      while (at < lines.length && lines[at]?.trim() !== '' && !BLOCKS.some(({ begins }) => begins.test(lines[at] ?? ''))) at += 1;
      parts.push(`<p>${lines.slice(from, at).map(inline).join('<br>\n')}</p>`);
      continue;
    }
    while (at < lines.length && block.goesOn?.(lines[at] ?? '', at === from + 1)) at += 1;
    // The line that ends it belongs to it.
    if (block.closes?.test(lines[at] ?? '')) at += 1;
    parts.push(block.html(lines.slice(from, at)));
  }
  return parts.filter((part) => part !== '').join('\n');
}

interface Block {
  readonly begins: RegExp;
  readonly goesOn?: (line: string, isSecond: boolean) => boolean;
  readonly closes?: RegExp;
  readonly html: (lines: readonly string[]) => string;
}

const FENCE = /^\s{0,3}```/;
const BULLET = /^\s{0,3}[-*+]\s+/;
const NUMBER = /^\s{0,3}\d{1,6}[.)]\s+/;
const QUOTE = /^\s{0,3}>\s?/;

const BLOCKS: readonly Block[] = [
  { begins: /^\s*$/, html: () => '' },
  {
    begins: FENCE,
    goesOn: (line) => !FENCE.test(line),
    closes: FENCE,
    html: (lines) =>
      `<pre><code>${escapeHtml(lines.slice(1, FENCE.test(lines.at(-1) ?? '') && lines.length > 1 ? -1 : undefined).join('\n'))}</code></pre>`,
  },
  {
    begins: /^#{1,6}\s/,
    // A page has its own first headings.
    html: ([line = '']) => `<h3>${inline(line.replace(/^#+\s+/, ''))}</h3>`,
  },
  { begins: /^\s{0,3}(?:-{3,}|\*{3,}|_{3,})\s*$/, html: () => '<hr>' },
  { begins: BULLET, goesOn: (line) => BULLET.test(line), html: (lines) => list('ul', lines, BULLET) },
  { begins: NUMBER, goesOn: (line) => NUMBER.test(line), html: (lines) => list('ol', lines, NUMBER) },
  {
    begins: QUOTE,
    goesOn: (line) => QUOTE.test(line),
    html: (lines) => `<blockquote>${lines.map((line) => inline(line.replace(QUOTE, ''))).join('<br>\n')}</blockquote>`,
  },
];

function list(tag: 'ul' | 'ol', lines: readonly string[], mark: RegExp): string {
  return `<${tag}>${lines.map((line) => `<li>${inline(line.replace(mark, ''))}</li>`).join('')}</${tag}>`;
}

/** Code is taken out first, so that nothing in it is read as anything else. */
function inline(line: string): string {
  return line
    .split(/(`[^`]+`)/)
    .map((part, i) => (i % 2 === 1 ? `<code>${escapeHtml(part.slice(1, -1))}</code>` : spans(part)))
    .join('');
}

const LINK = /\[([^[\]]{1,500})\]\(([^()\s]{1,2000})\)/g;

function spans(text: string): string {
  let made = '';
  let at = 0;
  for (const link of text.matchAll(LINK)) {
    const [whole, title = '', address = ''] = link;
    if (!/^(?:https?:\/\/|mailto:|tel:)[^\s"'<>]+$/i.test(address)) continue;
    made += emphasis(escapeHtml(text.slice(at, link.index)));
    made += `<a href="${escapeHtml(address)}" rel="noopener noreferrer nofollow" target="_blank">${emphasis(escapeHtml(title))}</a>`;
    at = link.index + whole.length;
  }
  return made + emphasis(escapeHtml(text.slice(at)));
}

function emphasis(escaped: string): string {
  return escaped
    .replaceAll(/\*\*([^*]{1,2000})\*\*/g, '<strong>$1</strong>')
    .replaceAll(/\*([^*\s][^*]{0,2000})\*/g, '<em>$1</em>')
    .replaceAll(/(^|\W)_([^_\s][^_]{0,2000})_(?=\W|$)/g, '$1<em>$2</em>');
}
