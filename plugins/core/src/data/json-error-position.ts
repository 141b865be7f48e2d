/** Where JSON text stops being JSON. The engine's own messages name the place only now and then, so the text is read again up to it. */

const BLANK = /[ \t\n\r]*/y;
const SCALAR =
  // oxlint-disable-next-line no-control-regex -- JSON forbids exactly these characters inside text.
  /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** What may come next. `value!` stands for a value that must come: after a comma, or at the start. */
type Expected = 'value!' | 'value or ]' | 'key or }' | 'key!' | ':' | 'more' | 'end';

/** Position of the first character that cannot stand there; the length of the text when it ends too early. */
export function jsonErrorPosition(text: string): number {
  const open: ('[' | '{')[] = [];
  let expected: Expected = 'value!';
  let at = 0;
  for (;;) {
    BLANK.lastIndex = at;
    BLANK.test(text);
    at = BLANK.lastIndex;
    const char = text[at];
    if (char === undefined || expected === 'end') return at;
    const inside = open.at(-1);
    const mayClose = expected === 'more' || expected === 'value or ]' || expected === 'key or }';
    if (mayClose && char === (inside === '[' ? ']' : '}')) {
      open.pop();
      expected = open.length === 0 ? 'end' : 'more';
      at += 1;
    } else if (expected === 'more' || expected === ':') {
      if (char !== (expected === ':' ? ':' : ',')) return at;
      expected = expected === ':' ? 'value!' : inside === '[' ? 'value!' : 'key!';
      at += 1;
    } else if ((char === '[' || char === '{') && (expected === 'value!' || expected === 'value or ]')) {
      open.push(char);
      expected = char === '[' ? 'value or ]' : 'key or }';
      at += 1;
    } else {
      const isKey: boolean = expected === 'key!' || expected === 'key or }';
      SCALAR.lastIndex = at;
      if ((isKey && char !== '"') || !SCALAR.test(text)) return at;
      at = SCALAR.lastIndex;
      expected = isKey ? ':' : open.length === 0 ? 'end' : 'more';
    }
  }
}
