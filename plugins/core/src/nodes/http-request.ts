/**
 * Calls an address for each item. GET, HEAD and OPTIONS are reads and may be repeated; every other method is a write that carries
 * the item's idempotency key, the same in every attempt.
 *
 * What the item becomes: a JSON object is the item itself; any other value is `{ data: value }`; an answer without a value is `{}`.
 */
import type { HttpRequest, HttpResponse, Item, Json, Output, OutputObject, StepFiles } from '@plugboard/sdk';
import { defineNode, fail, p, when } from '@plugboard/sdk';
import { httpCredential } from '../credentials/any-http.ts';
import { isList, isObject } from '../data/field-path.ts';
import { shown } from '../data/numbers.ts';
import { withFiles } from '../data/send-to.ts';
import { pricedHttp } from '../http/priced-http.ts';
import { factsOf, fileOf, withFile } from '../files/item-file.ts';
import { splitKey } from '../http/idempotency-key.ts';
import { type NamedText, multipart } from '../http/multipart.ts';
import { type Page, readPages } from '../http/pages.ts';
import { streamBody } from '../http/stream-body.ts';

const READS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];
const REDIRECTS = 5;
/** Dollars. */
const MOST_PRICE = 10_000;

const hasBody = when.not(when.in('method', ['GET', 'HEAD']));
const paged = when.all(when.eq('method', 'GET'), when.ne('pages', 'none'));
const counted = when.all(when.eq('method', 'GET'), when.in('pages', ['page', 'offset']));

export const httpRequest = defineNode({
  id: 'http-request',
  version: 1,
  title: 'HTTP request',
  help: 'Calls a web address for each item and goes on with the answer.',
  icon: 'globe',
  group: 'Network',
  per: 'item',
  effects: { by: 'method', cases: { GET: 'read', HEAD: 'read', OPTIONS: 'read' }, else: 'write' },
  repeatable: { by: 'afterUnknown', values: ['retry'] },
  params: {
    method: p
      .choice(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])
      .title('Method')
      .help('GET, HEAD and OPTIONS only read. The others change something and are sent with an Idempotency-Key header.')
      .default('GET'),
    url: p
      .text()
      .title('Address')
      .help('Starts with http:// or https://.')
      .placeholder('https://api.example.com/v1/orders')
      .format('url')
      .required(),
    credential: httpCredential,
    query: p
      .map(p.json().title('Value'))
      .title('Query')
      .help('Added to the address. A list repeats the name; null and missing values are left out.')
      .default({}),
    headers: p
      .map(p.text().title('Value'))
      .title('Headers')
      .help('Names and values. Your own Idempotency-Key replaces the one of the step.')
      .default({}),
    bodyKind: p
      .choice([
        { value: 'json', title: 'JSON' },
        { value: 'form', title: 'Form', help: 'application/x-www-form-urlencoded' },
        { value: 'multipart', title: 'Form in parts', help: 'multipart/form-data, with texts and files.' },
        { value: 'text', title: 'Text', help: 'Sent as it is. Set the header Content-Type.' },
        { value: 'file', title: 'A file', help: 'A file of the item, as it is.' },
        { value: 'none', title: 'None' },
      ])
      .title('Body is')
      .help('How the body is written.')
      .default('json')
      .when(hasBody),
    body: p
      .json()
      .title('Body')
      .help('Any value for JSON, an object of names and values for both kinds of form, text for text. Left empty: no body.')
      .when(when.all(hasBody, when.not(when.in('bodyKind', ['none', 'file'])))),
    bodyFile: p
      .text()
      .title('File to send')
      .help('Name of the item’s file. Left empty: the only one it has.')
      .max(200)
      .default('')
      .when(when.all(hasBody, when.eq('bodyKind', 'file'))),
    bodyFiles: p
      .map(p.text().title('File'))
      .title('Files of the form')
      .help('Names of parts, and which of the item’s files each sends.')
      .max(20)
      .default({})
      .when(when.all(hasBody, when.eq('bodyKind', 'multipart'))),
    answer: p
      .choice([
        { value: 'auto', title: 'By its type', help: 'JSON when the answer says so, else text.' },
        { value: 'json', title: 'JSON', help: 'An answer that is no JSON is an error.' },
        { value: 'text', title: 'Text' },
        { value: 'file', title: 'A file', help: 'Of any type and size; the item gets its name, type and size.' },
      ])
      .title('Read the answer as')
      .help('An object becomes the item; text, numbers and lists go into the field data.')
      .default('auto'),
    answerFile: p
      .text()
      .title('Name of the file at the item')
      .help('Steps find the file under it; files that came with the item stay.')
      .min(1)
      .max(100)
      .default('file')
      .when(when.eq('answer', 'file')),
    full: p.boolean().title('With status and headers').help('The item is { status, headers, body } instead of the body.').default(false),
    splitArray: p
      .boolean()
      .title('One item for each entry')
      .help('When the answer is a list, each entry becomes an item of its own.')
      .default(false)
      .when(when.all(when.eq('full', false), when.ne('answer', 'file'))),
    pages: p
      .choice([
        { value: 'none', title: 'One answer' },
        { value: 'page', title: 'Page number', help: 'Counts up until a page is empty.' },
        { value: 'offset', title: 'Offset', help: 'Counts the entries read until a page is empty.' },
        { value: 'cursor', title: 'Cursor', help: 'The answer holds a mark that asks for the next page.' },
        { value: 'next-url', title: 'Address in the answer', help: 'The answer holds the address of the next page.' },
        { value: 'link', title: 'Link header', help: 'The header Link names the next page.' },
      ])
      .title('Pages')
      .help('How further pages are asked for. Each entry of a list becomes an item.')
      .default('none')
      .when(when.all(when.eq('method', 'GET'), when.ne('answer', 'file'))),
    pageList: p
      .text()
      .title('List')
      .help('Path of the list in the answer, such as data.orders. Left empty: the answer is the list.')
      .max(500)
      .default('')
      .when(paged),
    pageParam: p
      .text()
      .title('Name in the query')
      .help('Left empty: page, offset or cursor.')
      .max(100)
      .default('')
      .when(when.all(when.eq('method', 'GET'), when.in('pages', ['page', 'offset', 'cursor']))),
    pageStart: p
      .number()
      .title('First')
      .help('Page number or offset to begin with. Left empty: page 1, offset 0.')
      .integer()
      .min(0)
      .when(counted),
    pageSizeParam: p
      .text()
      .title('Name of the page size')
      .help('Such as limit. Left empty: no size is sent.')
      .max(100)
      .default('')
      .when(paged),
    pageSize: p.number().title('Page size').help('Entries to ask for at once.').integer().min(1).max(100_000).default(100).when(paged),
    nextPath: p
      .text()
      .title('Next page')
      .help(
        'Path in the answer of the cursor or the address, such as meta.next. Nothing there ends it. The address must be of the same host.',
      )
      .min(1)
      .max(500)
      .default('next')
      .when(when.all(when.eq('method', 'GET'), when.in('pages', ['cursor', 'next-url']))),
    maxPages: p
      .number()
      .title('Most pages')
      .help('Reading ends after them, with a line in the log.')
      .integer()
      .min(1)
      .max(10_000)
      .default(100)
      .when(paged),
    timeoutMs: p
      .number()
      .title('Time limit')
      .help('Milliseconds to wait for the whole answer; for each page of several.')
      .integer()
      .min(1)
      .max(3_600_000)
      .default(60_000),
    followRedirects: p
      .boolean()
      .title('Follow redirects')
      .help(`At most ${REDIRECTS} of them. When off, a redirect is the answer; ask for status and headers to see where it leads.`)
      .default(true),
    failOnStatus: p
      .boolean()
      .title('Fail on 4xx and 5xx')
      .help('When off, such answers go on as items; ask for status and headers to tell them apart.')
      .default(true),
    price: p
      .number()
      .title('Price per call')
      .help(
        'In dollars, for services that bill each call; of several pages each is a call. It counts against the budget of the run, and a call that would go over it is not made. Left empty: calls cost nothing.',
      )
      .min(0)
      .max(MOST_PRICE)
      .placeholder('0.002'),
    afterUnknown: p
      .choice([
        { value: 'retry', title: 'Send it again', help: 'With the same Idempotency-Key.' },
        { value: 'ask', title: 'Ask a person', help: 'The run waits until somebody says whether it happened.' },
      ])
      .title('When the outcome is unknown')
      .help(
        'A crash or a lost connection can leave open whether a change was made. Sending it again relies on the service to treat equal Idempotency-Key headers as one request; choose to ask where it does not.',
      )
      .expr('deny')
      .default('retry'),
  },
  async run({ params, item: given, ctx }) {
    const { method, url, timeoutMs, answer } = params;
    const { headers, key } = splitKey(params.headers);
    const bodyKind = params.bodyKind ?? 'none';
    const request: HttpRequest = {
      method,
      url,
      query: queryOf(params.query),
      ...(READS.includes(method) && method !== 'OPTIONS' ? { headers } : contentOf(bodyKind, { params, headers, given, files: ctx.files })),
      as: answer,
      timeoutMs,
      credential: 'credential',
      redirects: params.followRedirects ? REDIRECTS : 0,
      throwOnStatus: params.failOnStatus,
      ...(!READS.includes(method) && { idempotencyKey: key ?? ctx.idempotencyKey }),
    };
    const http = pricedHttp(ctx, params.price);
    const by = params.pages ?? 'none';
    if (by !== 'none') {
      const pages = await readPages(
        request,
        {
          by,
          param: params.pageParam || (by === 'page' || by === 'offset' ? by : 'cursor'),
          start: params.pageStart ?? (by === 'page' ? 1 : 0),
          sizeParam: params.pageSizeParam ?? '',
          size: params.pageSize ?? 100,
          nextPath: params.nextPath ?? 'next',
          listPath: params.pageList ?? '',
          maxPages: params.maxPages ?? 100,
        },
        { http, log: ctx.log },
      );
      return pages.flatMap((page) => pageItems(page, params.full));
    }
    const response = await http.request(request);
    if (answer === 'file') return fileItem(response, { given, name: params.answerFile ?? 'file', full: params.full });
    if (params.full) return { status: response.status, headers: response.headers, body: response.data };
    return itemsOf(response, params.splitArray === true);
  },
});

function pageItems({ response, entries }: Page, full: boolean): readonly Output[] {
  if (full) return [{ status: response.status, headers: response.headers, body: response.data }];
  return entries === undefined ? [itemsOf(response, false) as Output] : entries.map(wrapped);
}

type Scalar = string | number | boolean;

function queryOf(given: { readonly [name: string]: Json }): HttpRequest['query'] {
  const query: { [name: string]: Scalar | null | readonly Scalar[] } = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    query[name] = isList(value) ? value.map((entry) => scalar(entry, 'query', name)) : value === null ? null : scalar(value, 'query', name);
  }
  return query;
}

/** The facts of the file as the item; an answer that is no file, such as an accepted error, is as it always is. */
function fileItem(
  response: HttpResponse,
  { given, name, full }: { readonly given: Item; readonly name: string; readonly full: boolean },
): Output {
  const { file } = response;
  const body = file === undefined ? response.data : factsOf(file);
  const json = full
    ? { status: response.status, headers: response.headers, body }
    : isObject(body)
      ? body
      : body === null
        ? {}
        : { data: body };
  return file === undefined ? withFiles(json, given) : withFile(json, given, name, file);
}

type BodyKind = 'json' | 'form' | 'multipart' | 'text' | 'file' | 'none';

interface Content {
  readonly params: { readonly body?: Json; readonly bodyFile?: string; readonly bodyFiles?: { readonly [part: string]: string } };
  readonly headers: { readonly [name: string]: string };
  readonly given: Item;
  readonly files: StepFiles;
}

/** Body and headers. What the body itself says of its type gives way to nothing but a file's, which an author may name better. */
function contentOf(
  kind: BodyKind,
  { params, headers, given, files }: Content,
): Pick<HttpRequest, 'headers' | 'json' | 'form' | 'body' | 'stream'> {
  if (kind === 'file') {
    const file = fileOf(given, params.bodyFile ?? '');
    const hasType = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
    return { headers: hasType ? headers : { ...headers, 'Content-Type': file.mime }, stream: streamBody(files, [file], file.size) };
  }
  if (kind !== 'multipart') return { headers, ...bodyOf(kind, params.body) };
  const named = Object.entries(params.bodyFiles ?? {}).map(([part, name]) => [part, fileOf(given, name)] as const);
  if (params.body === undefined && named.length === 0) return { headers };
  const { parts, sizeBytes, contentType } = multipart(textsOf(params.body), named);
  // The boundary belongs to the body, so a Content-Type of the author's own gives way.
  const others = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'content-type');
  const typed = { ...Object.fromEntries(others), 'Content-Type': contentType };
  return named.length === 0
    ? { headers: typed, body: parts.filter((part) => typeof part === 'string').join('') }
    : { headers: typed, stream: streamBody(files, parts, sizeBytes) };
}

function bodyOf(kind: 'json' | 'form' | 'text' | 'none', body: Json | undefined): Pick<HttpRequest, 'json' | 'form' | 'body'> {
  if (body === undefined || kind === 'none') return {};
  switch (kind) {
    case 'json':
      return { json: body };
    case 'text':
      return {
        body:
          typeof body === 'string'
            ? body
            : fail('BODY_NOT_TEXT', `The body is ${shown(body)}, and a text body was asked for. Choose JSON, or turn it into text.`),
      };
    case 'form':
      return { form: formOf(body) };
  }
}

function formOf(body: Json): { readonly [name: string]: Scalar } {
  if (!isObject(body)) fail('BODY_NOT_A_FORM', `The body is ${shown(body)}, and a form needs an object of names and values.`);
  const given = Object.entries(body).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, scalar(value, 'form', name)]));
}

function textsOf(body: Json | undefined): readonly NamedText[] {
  return body === undefined ? [] : Object.entries(formOf(body)).map(([name, value]) => [name, String(value)]);
}

function scalar(value: Json, place: 'query' | 'form', name: string): Scalar {
  if (typeof value !== 'object') return value;
  return fail('VALUE_NOT_SCALAR', `"${name}" in the ${place} is ${shown(value)}; give text, a number, true or false.`);
}

function itemsOf(response: HttpResponse, splitArray: boolean): Output | readonly Output[] {
  const { data } = response;
  if (isObject(data)) return data;
  if (splitArray && isList(data)) return data.map(wrapped);
  return data === '' || data === null ? {} : { data };
}

function wrapped(entry: Json): OutputObject {
  return isObject(entry) ? entry : { data: entry };
}
