/** HTML text to a tree, the forgiving way of browsers, with a bound on depth: foreign pages may nest without end. */
import { fail } from '@plugboard/sdk';
import { type Document, DomHandler } from 'domhandler';
import { Parser } from 'htmlparser2';

/** Elements inside each other. */
const DEPTH_MAX = 1_000;

class BoundedHandler extends DomHandler {
  override onopentag(name: string, attribs: { [name: string]: string }): void {
    if (this.tagStack.length > DEPTH_MAX)
      fail('HTML_TOO_DEEP', `More than ${DEPTH_MAX} elements of the page stand inside each other, which no page needs.`);
    super.onopentag(name, attribs);
  }
}

/** @throws StepFailure HTML_TOO_DEEP */
export function parseHtml(text: string): Document {
  const handler = new BoundedHandler();
  new Parser(handler).end(text);
  return handler.root;
}
