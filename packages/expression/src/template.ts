/** Splits a parameter's text into literal text and the expressions between `{{` and `}}`, whose ends only the JavaScript tokeniser can find. */
import { parseExpressionAt, type Expression, type Options, type Token } from 'acorn';
import { ExpressionError } from './expression-error.ts';
import type { Limits } from './limits.ts';

/** What stands between two literal texts. */
export interface TemplatePart {
  readonly kind: 'expression';
  readonly node: Expression;
  /** Offsets of the whole `{{ … }}`. */
  readonly start: number;
  readonly end: number;
}

export type TemplatePiece = { readonly kind: 'text'; readonly text: string } | TemplatePart;

/**
 * How a parameter value on disk is meant: a leading `=` makes a template, `==` is literal text from the second `=` on,
 * anything else is literal text as it stands.
 */
export function parseText(text: string): { kind: 'literal'; value: string } | { kind: 'template'; source: string } {
  if (!text.startsWith('=')) return { kind: 'literal', value: text };
  if (text.startsWith('==')) return { kind: 'literal', value: text.slice(1) };
  return { kind: 'template', source: text.slice(1) };
}

/** @throws ExpressionError EXPR_TOO_LONG, EXPR_SYNTAX or EXPR_DEPTH. */
export function piecesOf(source: string, limits: Pick<Limits, 'source'>): TemplatePiece[] {
  if (source.length > limits.source) {
    throw new ExpressionError('EXPR_TOO_LONG', `The expression is longer than ${limits.source} characters.`, {
      position: limits.source,
      end: source.length,
      hint: 'Move the work into a code step.',
    });
  }
  const pieces: TemplatePiece[] = [];
  let from = 0;
  for (let open = source.indexOf('{{'); open >= 0; open = source.indexOf('{{', from)) {
    if (open > from) pieces.push({ kind: 'text', text: source.slice(from, open) });
    const part = partAt(source, open);
    pieces.push(part);
    from = part.end;
  }
  if (from < source.length) pieces.push({ kind: 'text', text: source.slice(from) });
  return pieces;
}

function partAt(source: string, open: number): TemplatePart {
  const begin = skipBlanks(source, open + 2);
  if (source.startsWith('}}', begin)) {
    throw new ExpressionError('EXPR_SYNTAX', 'There is no expression between {{ and }}.', { position: open, end: begin + 2 });
  }
  if (begin >= source.length) throw unclosed(open, source.length);
  const { node, end } = parseAt(source, begin, open);
  const close = skipBlanks(source, end);
  if (source.startsWith('}}', close)) return { kind: 'expression', node, start: open, end: close + 2 };
  if (close >= source.length) throw unclosed(open, source.length);
  throw new ExpressionError('EXPR_SYNTAX', `Expected }} but found ${JSON.stringify(source.charAt(close))}.`, {
    position: close,
    end: close + 1,
  });
}

function parseAt(source: string, begin: number, open: number): { node: Expression; end: number } {
  let end = begin;
  const options: Options = {
    ecmaVersion: 2024,
    sourceType: 'script',
    // The last token taken ends the expression; the node itself would leave out closing parentheses.
    onToken: (token: Token) => {
      end = token.end;
    },
  };
  try {
    return { node: parseExpressionAt(source, begin, options), end };
  } catch (thrown) {
    if (thrown instanceof SyntaxError) throw syntaxError(thrown, source, open);
    throw thrown;
  }
}

function syntaxError(thrown: SyntaxError & { pos?: number }, source: string, open: number): ExpressionError {
  const position = Math.min(thrown.pos ?? open, source.length);
  // The parser turns a stack that ran out into a syntax error.
  if (/stack/i.test(thrown.message)) {
    return new ExpressionError('EXPR_DEPTH', 'The expression is nested too deeply.', { position: open, end: source.length, cause: thrown });
  }
  if (position >= source.length) return unclosed(open, source.length);
  const reason = thrown.message.replace(/ \(\d+:\d+\)$/, '');
  const code = reason.startsWith('Invalid regular expression') ? 'EXPR_BAD_REGEX' : 'EXPR_SYNTAX';
  const what = reason === 'Unexpected token' ? `Unexpected ${JSON.stringify(source.charAt(position))}` : reason;
  return new ExpressionError(code, `${what}.`, { position, end: position + 1, cause: thrown });
}

function unclosed(open: number, end: number): ExpressionError {
  return new ExpressionError('EXPR_SYNTAX', 'The expression that starts here has no closing }}.', { position: open, end });
}

/** After blanks and comments. */
function skipBlanks(source: string, from: number): number {
  let at = from;
  for (;;) {
    while (at < source.length && /\s/.test(source.charAt(at))) at++;
    if (source.startsWith('/*', at)) {
      const end = source.indexOf('*/', at + 2);
      at = end < 0 ? source.length : end + 2;
    } else if (source.startsWith('//', at)) {
      const end = source.indexOf('\n', at);
      at = end < 0 ? source.length : end + 1;
    } else return at;
  }
}
