/**
 * Markdown to HTML that is safe to show: HTML inside the Markdown is text, and links lead to web pages, mail, telephone or places of the
 * same site only.
 */
import { fail } from '@plugboard/sdk';
import MarkdownIt from 'markdown-it';

/** Characters of all addresses and titles. A long one that is defined once can be used many times. */
const LINKS_MAX = 5_000_000;

export interface MarkdownOptions {
  /** Each line break is one in the result. */
  readonly breaks: boolean;
  /** Makes links of addresses that are written out. */
  readonly linkify: boolean;
  readonly images: boolean;
}

/** Its results throw StepFailure MARKDOWN_TOO_LONG. */
export function markdownRenderer({ breaks, linkify, images }: MarkdownOptions): (markdown: string) => string {
  const renderer = new MarkdownIt({ html: false, breaks, linkify });
  renderer.validateLink = isSafeLink;
  if (!images) renderer.disable('image');
  let linked = 0;
  const { link_open: open, image } = renderer.renderer.rules;
  const counted =
    (rule: typeof open): NonNullable<typeof open> =>
    (tokens, at, options, env, self) => {
      for (const [, value] of tokens[at]?.attrs ?? []) linked += String(value).length;
      if (linked > LINKS_MAX) fail('MARKDOWN_TOO_LONG', `The links of the text hold more than ${LINKS_MAX} characters. Shorten them.`);
      return rule === undefined || rule === null ? self.renderToken(tokens, at, options) : rule(tokens, at, options, env, self);
    };
  Object.assign(renderer.renderer.rules, { link_open: counted(open), image: counted(image) });
  return (markdown) => {
    linked = 0;
    return renderer.render(markdown);
  };
}

/** A scheme that is on the list, or none. Browsers skip blanks and control characters inside a scheme, so they count as part of it. */
function isSafeLink(url: string): boolean {
  const scheme = /^([^/?#]*?):/.exec(url.replaceAll(/[\u0000-\u0020]/g, ''))?.[1];
  return scheme === undefined || ['http', 'https', 'mailto', 'tel'].includes(scheme.toLowerCase());
}
