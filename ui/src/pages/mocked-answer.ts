/** A mocked answer as a form has it, and what is wrong with it. The limits are the server's; what no response can have is said here first. */
import type { MockedReply } from '@plugboard/engine';
import type { Json } from '@plugboard/sdk';

export interface AnswerFields {
  method: string;
  url: string;
  /** Empty for 200. */
  status: string;
  /** A name and a value on each line. */
  headers: string;
  kind: 'none' | 'json' | 'text';
  body: string;
}

export type AnswerProblems = { readonly [F in keyof AnswerFields]?: string };
export type ReadAnswer = { readonly ok: true; readonly answer: MockedReply } | { readonly ok: false; readonly problems: AnswerProblems };

export const ANY_METHOD = 'any';
const MAX_URL = 4000;
const MAX_HEADER_NAME = 200;
const MAX_HEADER_VALUE = 8000;
/** Answers with them have no body. */
const WITHOUT_BODY = [204, 205, 304];
const SCHEMES = ['http://', 'https://'];

export function fieldsOf({ method = ANY_METHOD, url, status, headers = {}, body }: MockedReply): AnswerFields {
  return {
    method,
    url,
    status: status === undefined ? '' : String(status),
    headers: Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n'),
    kind: body === undefined ? 'none' : typeof body === 'string' ? 'text' : 'json',
    body: body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body, undefined, 2),
  };
}

/** All that is wrong at once, by field. */
export function readAnswer(fields: AnswerFields): ReadAnswer {
  const url = fields.url.trim();
  const status = fields.status.trim() === '' ? undefined : Number(fields.status);
  const headers = readHeaders(fields.headers);
  const body = readBody(fields, status);
  const problems: { [F in keyof AnswerFields]?: string } = {
    ...said('url', urlProblem(url)),
    ...said('status', isStatus(status) ? undefined : 'A status is a whole number from 200 to 599.'),
    ...said('headers', headers.problem),
    ...said('body', body.problem),
  };
  if (Object.keys(problems).length > 0) return { ok: false, problems };
  return {
    ok: true,
    answer: {
      ...(fields.method === ANY_METHOD ? {} : { method: fields.method }),
      url,
      ...(status === undefined ? {} : { status }),
      ...(Object.keys(headers.headers).length > 0 ? { headers: headers.headers } : {}),
      ...('value' in body ? { body: body.value } : {}),
    },
  };
}

function said(field: keyof AnswerFields, problem: string | undefined): AnswerProblems {
  return problem === undefined ? {} : { [field]: problem };
}

function urlProblem(url: string): string | undefined {
  if (url === '') return 'Write the address of the request.';
  if (url.length > MAX_URL) return `An address has at most ${MAX_URL} characters.`;
  if (!url.includes('*')) {
    const isWhole = URL.canParse(url) && SCHEMES.some((scheme) => url.startsWith(scheme));
    return isWhole ? undefined : 'Write the whole address, such as https://api.example.com/rates, or * for parts of it.';
  }
  const start = url.slice(0, url.indexOf('*'));
  const canFit = SCHEMES.some((scheme) => start.startsWith(scheme) || scheme.startsWith(start));
  return canFit ? undefined : 'No request has such an address: begin with https://, http:// or *.';
}

function isStatus(status: number | undefined): boolean {
  return status === undefined || (Number.isInteger(status) && status >= 200 && status <= 599);
}

function readHeaders(text: string): { readonly headers: { readonly [name: string]: string }; readonly problem?: string } {
  const headers = new Map<string, string>();
  const problems: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim();
    const value = line.slice(colon + 1).trim();
    const problem = colon < 0 ? 'write a name, a colon and a value' : headerProblem(name, value, headers);
    if (problem === undefined) headers.set(name, value);
    else problems.push(`Line ${index + 1}: ${problem}.`);
  }
  return { headers: Object.fromEntries(headers), ...(problems.length > 0 ? { problem: problems.join(' ') } : {}) };
}

function headerProblem(name: string, value: string, before: ReadonlyMap<string, string>): string | undefined {
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name) || name.length > MAX_HEADER_NAME) return `"${name}" is no name of a header`;
  if ([...before.keys()].some((one) => one.toLowerCase() === name.toLowerCase())) return `${name} is there already`;
  if (value.length > MAX_HEADER_VALUE) return `a value has at most ${MAX_HEADER_VALUE} characters`;
  // Headers carry one byte for each character.
  return /^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(value) ? undefined : 'the value has a character that no header carries';
}

function readBody({ kind, body }: AnswerFields, status: number | undefined): { readonly value?: Json; readonly problem?: string } {
  if (kind === 'none') return {};
  if (status !== undefined && WITHOUT_BODY.includes(status))
    return { problem: `An answer with status ${status} has no body: choose None.` };
  if (kind === 'text') return { value: body };
  try {
    const value = JSON.parse(body) as Json;
    return typeof value === 'string'
      ? { problem: 'A text alone is sent without quotes: choose Text and write it without them.' }
      : { value };
  } catch {
    return { problem: 'This is not JSON.' };
  }
}
