/**
 * Reads an answer that comes in pages, one after the other. Each way of asking for the next page is a small plan: what the first request
 * adds, and what follows from an answer. A service that keeps giving the same page, or leads in a circle, does not keep the step going.
 */
import type { HttpRequest, HttpResponse, Json, StepCtx, StepHttp } from '@plugboard/sdk';
import { fail } from '@plugboard/sdk';
import { isList, isObject, readField } from '../data/field-path.ts';
import { shown } from '../data/numbers.ts';
import { linkTo } from './link-header.ts';

export interface PageRules {
  readonly by: 'page' | 'offset' | 'cursor' | 'next-url' | 'link';
  /** Query name of the page number, offset or cursor. */
  readonly param: string;
  /** First page number or offset. */
  readonly start: number;
  /** Query name of the page size; empty sends none. */
  readonly sizeParam: string;
  readonly size: number;
  /** Path in the body of the next cursor or address. */
  readonly nextPath: string;
  /** Path in the body of the list of entries; empty when the body is the list. */
  readonly listPath: string;
  readonly maxPages: number;
}

export interface Page {
  readonly response: HttpResponse;
  /** Undefined when there is no list where one was looked for. */
  readonly entries: readonly Json[] | undefined;
}

/** What the next request changes; undefined when this was the last page. */
type Next = { readonly query: NonNullable<HttpRequest['query']> } | { readonly url: URL } | undefined;

/** Characters of all pages as JSON; they are held until the last one is read. */
const PAGES_SIZE_MAX = 100_000_000;

/** @throws StepFailure PAGES_TOO_LARGE, PAGE_NOT_A_LIST, PAGES_IN_A_CIRCLE, PAGE_ELSEWHERE */
export async function readPages(
  request: HttpRequest,
  rules: PageRules,
  ctx: Pick<StepCtx, 'log'> & { readonly http: Pick<StepHttp, 'request'> },
): Promise<readonly Page[]> {
  const pages: Page[] = [];
  const asked = new Set<string>();
  const sized = rules.sizeParam === '' ? {} : { [rules.sizeParam]: rules.size };
  const isCounted = rules.by === 'page' || rules.by === 'offset';
  let current: HttpRequest = { ...request, query: { ...request.query, ...sized, ...(isCounted && { [rules.param]: rules.start }) } };
  let before: string | undefined;
  let size = 0;
  for (;;) {
    const response = await ctx.http.request(current);
    // An error that the author let through has no next page.
    if (response.status >= 300) return [...pages, { response, entries: undefined }];
    const page = { response, entries: entriesOf(response, rules, isCounted) };
    const text = JSON.stringify(response.data);
    size += text.length;
    if (size > PAGES_SIZE_MAX)
      fail(
        'PAGES_TOO_LARGE',
        `The first ${pages.length + 1} pages hold more than ${PAGES_SIZE_MAX} characters. Allow fewer pages, or ask for less.`,
      );
    if (isCounted && text === before) {
      if (page.entries?.length !== 0)
        ctx.log.warn(`Page ${pages.length + 1} is the same as the one before, so it was left out and no further page was asked for.`);
      return pages;
    }
    before = text;
    pages.push(page);
    const next = nextOf(page, pages, rules, current);
    if (next === undefined) return pages;
    if (pages.length >= rules.maxPages) {
      ctx.log.warn(`Stopped after ${rules.maxPages} pages, and there are more. Allow more pages if you need them.`);
      return pages;
    }
    const mark = JSON.stringify('url' in next ? next.url.href : next.query);
    if (asked.has(mark))
      fail('PAGES_IN_A_CIRCLE', `Page ${pages.length} leads back to a page that was read before. Check where the next page is looked for.`);
    asked.add(mark);
    current = 'url' in next ? { ...request, url: next.url, query: {} } : { ...current, query: { ...current.query, ...next.query } };
  }
}

function entriesOf({ data, url }: HttpResponse, { listPath, by }: PageRules, isNeeded: boolean): readonly Json[] | undefined {
  const list = listPath === '' ? data : isObject(data) ? readField(data, listPath) : undefined;
  if (isList(list)) return list;
  // Services leave the list out, or say null, where there is nothing.
  if (listPath !== '' && (list === undefined || list === null) && isObject(data)) return [];
  if (!isNeeded && listPath === '') return undefined;
  const where = listPath === '' ? 'the answer' : `"${listPath}" in the answer`;
  return fail(
    'PAGE_NOT_A_LIST',
    `${where} of ${new URL(url).pathname} is ${shown(list)}, which is no list${by === 'page' || by === 'offset' ? ', so the last page cannot be told' : ''}. Say where the list is.`,
  );
}

function nextOf(page: Page, pages: readonly Page[], rules: PageRules, current: HttpRequest): Next {
  const { response, entries } = page;
  switch (rules.by) {
    case 'page':
      return entries?.length === 0 ? undefined : { query: { [rules.param]: rules.start + pages.length } };
    case 'offset':
      // By what came and not by what was asked for: services cap the size of a page.
      return entries?.length === 0
        ? undefined
        : { query: { [rules.param]: rules.start + pages.reduce((sum, one) => sum + (one.entries?.length ?? 0), 0) } };
    case 'cursor': {
      const cursor = isObject(response.data) ? readField(response.data, rules.nextPath) : undefined;
      if (isNothing(cursor)) return undefined;
      if (typeof cursor === 'object') fail('PAGE_CURSOR', `"${rules.nextPath}" in the answer is ${shown(cursor)}, which is no cursor.`);
      return { query: { [rules.param]: cursor } };
    }
    case 'next-url': {
      const address = isObject(response.data) ? readField(response.data, rules.nextPath) : undefined;
      if (isNothing(address)) return undefined;
      return { url: nextAddress(address, response, current) };
    }
    case 'link': {
      const address = linkTo(response.headers['link'] ?? '', 'next');
      return address === undefined ? undefined : { url: nextAddress(address, response, current) };
    }
  }
}

function isNothing(value: Json | undefined): value is undefined | null | false | '' {
  return value === undefined || value === null || value === false || value === '';
}

/** Relative addresses count from the page they stand on. Headers of the author must not follow to a place the service chose. */
function nextAddress(address: Json, response: HttpResponse, current: HttpRequest): URL {
  const from = new URL(response.url);
  const url = typeof address === 'string' && URL.canParse(address, from) ? new URL(address, from) : undefined;
  if (url === undefined) fail('PAGE_ADDRESS', `The address of the next page is ${shown(address)}, which is none.`);
  const { origin } = new URL(current.url);
  if (url.origin !== origin)
    fail(
      'PAGE_ELSEWHERE',
      `The next page is said to be at ${url.origin}, and the step asks ${origin}. Your headers do not follow to another place.`,
    );
  return url;
}
