/** The text of HTML as a reader sees it: without scripts, with the line breaks of blocks, lists with hyphens, table cells by tabs. */
import { type AnyNode, isText } from 'domhandler';

const SKIPPED = new Set(['script', 'style', 'template', 'noscript', 'head', 'svg', 'iframe', 'object', 'select', 'textarea']);
const PARAGRAPHS = new Set(['p', 'blockquote', 'pre', 'ul', 'ol', 'dl', 'table', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'figure', 'hr']);
const BLOCKS = new Set([
  'div',
  'section',
  'article',
  'header',
  'footer',
  'main',
  'nav',
  'aside',
  'form',
  'fieldset',
  'address',
  'li',
  'tr',
]);
const LINES = new Set(['dt', 'dd', 'caption', 'figcaption', 'thead', 'tbody', 'tfoot', 'option', 'body', 'html']);

/** @param links Writes the address behind the text of a link. */
export function htmlText(nodes: readonly AnyNode[], links = false): string {
  const writer = new TextWriter(links);
  for (const node of nodes) writer.add(node, false);
  return writer.result();
}

class TextWriter {
  readonly #links: boolean;
  readonly #pieces: string[] = [];
  /** Line breaks due before the next text. */
  #breaks = 0;
  #space = false;
  #isEmpty = true;
  /** Blanks are left out: nothing, a line break, a tab or a hyphen stands in front. */
  #isStart = true;

  constructor(links: boolean) {
    this.#links = links;
  }

  result(): string {
    return this.#pieces.join('');
  }

  add(node: AnyNode, isPre: boolean): void {
    if (isText(node)) return isPre ? this.#raw(node.data) : this.#words(node.data);
    if (!('children' in node)) return;
    const name = 'name' in node ? node.name.toLowerCase() : '';
    if (SKIPPED.has(name)) return;
    if (name === 'br') return this.#break(this.#breaks + 1);
    if (name === 'img' && 'attribs' in node) return this.#words(node.attribs['alt'] ?? '');
    const breaks = PARAGRAPHS.has(name) ? 2 : BLOCKS.has(name) || LINES.has(name) ? 1 : 0;
    this.#break(breaks);
    if (name === 'li') this.#mark();
    if (name === 'td' || name === 'th') this.#cell();
    for (const child of node.children) this.add(child, isPre || name === 'pre');
    if (name === 'a' && this.#links && 'attribs' in node) this.#address(node.attribs['href'] ?? '');
    this.#break(breaks);
  }

  #words(text: string): void {
    const plain = text.replaceAll(/[ \t\n\r\f]+/g, ' ');
    const words = plain.trim();
    if (plain.startsWith(' ') && !this.#isStart) this.#space = true;
    if (words === '') return;
    this.#put(words);
    this.#space = plain.endsWith(' ');
  }

  #raw(text: string): void {
    if (text !== '') this.#put(text);
  }

  #cell(): void {
    if (!this.#isEmpty && this.#breaks === 0) this.#pieces.push('\t');
    this.#space = false;
    this.#isStart = true;
  }

  #mark(): void {
    this.#put('- ');
    this.#isStart = true;
  }

  #address(href: string): void {
    if (/^(?:https?:|mailto:)/i.test(href)) this.#words(` (${href})`);
  }

  #put(text: string): void {
    if (!this.#isEmpty) {
      if (this.#breaks > 0) this.#pieces.push('\n'.repeat(this.#breaks));
      else if (this.#space) this.#pieces.push(' ');
    }
    this.#pieces.push(text);
    this.#breaks = 0;
    this.#space = false;
    this.#isEmpty = false;
    this.#isStart = false;
  }

  #break(count: number): void {
    if (count === 0) return;
    this.#breaks = Math.min(2, Math.max(this.#breaks, count));
    this.#space = false;
    this.#isStart = true;
  }
}
