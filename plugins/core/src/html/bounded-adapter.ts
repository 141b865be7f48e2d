/**
 * How CSS selectors look at a tree, counted. What a selector costs is no matter of its length or the page's: four names after each other try
 * every way through a thousand nested elements, and a page of a stranger may be made for that.
 */
import { fail } from '@plugboard/sdk';
import type { Options } from 'css-select';
import { type AnyNode, type Element, isTag } from 'domhandler';
import { DomUtils } from 'htmlparser2';

export type SelectorOptions = Options<AnyNode, Element>;

/** Looks at nodes that any page may take, about half a second; further ones with each character of it. */
const LOOKS = 1_000_000;
const LOOKS_PER_CHARACTER = 10;

/** Its calls throw StepFailure HTML_TOO_MUCH_WORK. @param characters of the page */
export function boundedAdapter(characters: number): NonNullable<SelectorOptions['adapter']> {
  let left = LOOKS + characters * LOOKS_PER_CHARACTER;
  const spend = (looks: number): void => {
    left -= looks;
    if (left < 0)
      fail('HTML_TOO_MUCH_WORK', 'The selectors would try too many ways through this page. Use fewer parts, or > between them.');
  };
  return {
    ...DomUtils,
    isTag(node): node is Element {
      spend(1);
      return isTag(node);
    },
    getParent(node) {
      spend(1);
      return DomUtils.getParent(node);
    },
    getText(node) {
      const text = DomUtils.getText(node);
      spend(1 + text.length / 100);
      return text;
    },
    removeSubsets(nodes) {
      spend(nodes.length ** 2 / 100);
      return DomUtils.removeSubsets(nodes);
    },
  };
}
