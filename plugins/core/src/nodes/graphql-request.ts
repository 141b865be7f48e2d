/**
 * Asks a GraphQL service for each item. Whether a request reads or changes something is said by a parameter, because the engine must know
 * before the document is worked out; a document that says otherwise is refused, so that a change is never repeated as if it were a read.
 */
import type { Json, JsonObject } from '@plugboard/sdk';
import { defineNode, fail, p } from '@plugboard/sdk';
import { httpCredential } from '../credentials/any-http.ts';
import { isList, isObject, readField } from '../data/field-path.ts';
import { shown } from '../data/numbers.ts';
import { operationsOf } from '../http/graphql-document.ts';
import { splitKey } from '../http/idempotency-key.ts';

/** Errors of an answer that are kept for the person who looks into it. */
const ERRORS_KEPT = 10;

export const graphqlRequest = defineNode({
  id: 'graphql-request',
  version: 1,
  title: 'GraphQL request',
  help: 'Sends a query or a mutation to a GraphQL service for each item and goes on with its data.',
  icon: 'waypoints',
  group: 'Network',
  per: 'item',
  effects: { by: 'kind', cases: { query: 'read' }, else: 'write' },
  repeatable: { by: 'afterUnknown', values: ['retry'] },
  params: {
    kind: p
      .choice([
        { value: 'query', title: 'Query', help: 'Only reads.' },
        { value: 'mutation', title: 'Mutation', help: 'Changes something and is sent with an Idempotency-Key header.' },
      ])
      .title('Kind')
      .help('What the document does; one that does something else is refused.')
      .expr('deny')
      .default('query'),
    url: p
      .text()
      .title('Address')
      .help('Starts with http:// or https://.')
      .placeholder('https://api.example.com/graphql')
      .format('url')
      .required(),
    credential: httpCredential,
    query: p
      .text()
      .title('Document')
      .help('The GraphQL text. Put values into variables instead of the text.')
      .multiline()
      .min(1)
      .max(200_000)
      .required(),
    variables: p.map(p.json().title('Value')).title('Variables').help('Values by name, without the $.').default({}),
    operationName: p.text().title('Operation').help('Needed when the document holds several.').max(200).default(''),
    headers: p
      .map(p.text().title('Value'))
      .title('Headers')
      .help('Names and values. Your own Idempotency-Key replaces the one of the step.')
      .default({}),
    path: p
      .text()
      .title('Part')
      .help(
        'Path in the data of what to go on with, such as orders.nodes. A list gives an item for each entry. Left empty: all of the data.',
      )
      .max(500)
      .default(''),
    failOnErrors: p
      .boolean()
      .title('Fail on errors')
      .help('When off, the item is { data, errors } and may hold part of the data.')
      .default(true),
    timeoutMs: p
      .number()
      .title('Time limit')
      .help('Milliseconds to wait for the whole answer.')
      .integer()
      .min(1)
      .max(3_600_000)
      .default(60_000),
    afterUnknown: p
      .choice([
        { value: 'retry', title: 'Send it again', help: 'With the same Idempotency-Key.' },
        { value: 'ask', title: 'Ask a person', help: 'The run waits until somebody says whether it happened.' },
      ])
      .title('When the outcome is unknown')
      .help(
        'A crash or a lost connection can leave open whether a mutation was made. Sending it again relies on the service to treat equal Idempotency-Key headers as one request; choose to ask where it does not.',
      )
      .expr('deny')
      .default('retry'),
  },
  async run({ params, ctx }) {
    const { kind, query, operationName } = params;
    checkKind(kind, query, operationName);
    const { headers, key } = splitKey(params.headers);
    const { data: answer } = await ctx.http.request({
      method: 'POST',
      url: params.url,
      headers: { Accept: 'application/json', ...headers },
      json: { query, variables: params.variables, ...(operationName !== '' && { operationName }) },
      as: 'json',
      timeoutMs: params.timeoutMs,
      credential: 'credential',
      // A redirected POST would lose its body or be made twice.
      redirects: 0,
      ...(kind === 'mutation' && { idempotencyKey: key ?? ctx.idempotencyKey }),
    });
    if (!isObject(answer) || !(Object.hasOwn(answer, 'data') || Object.hasOwn(answer, 'errors')))
      fail('GRAPHQL_ANSWER', `The answer is ${shown(answer)}, which no GraphQL service gives. Check the address.`);
    const errors = isList(answer['errors']) ? answer['errors'] : [];
    if (!params.failOnErrors) return { data: answer['data'] ?? null, errors };
    if (errors.length > 0) refused(errors, answer['data'] ?? null);
    return itemsOf(answer['data'] ?? null, params.path);
  },
});

/** @throws StepFailure GRAPHQL_DOCUMENT, GRAPHQL_KIND */
function checkKind(kind: 'query' | 'mutation', document: string, operationName: string): void {
  const operations = operationsOf(document);
  const chosen = operationName === '' ? operations : operations.filter(({ name }) => name === operationName);
  const [operation] = chosen;
  if (operation === undefined)
    fail(
      'GRAPHQL_DOCUMENT',
      operationName === '' ? 'The document holds no operation.' : `The document holds no operation named ${shown(operationName)}.`,
    );
  if (chosen.length > 1) fail('GRAPHQL_DOCUMENT', `The document holds ${chosen.length} operations. Name the one to run.`);
  if (operation.kind !== kind)
    fail(
      'GRAPHQL_KIND',
      `The document holds a ${operation.kind}, and the step is set to a ${kind}.${operation.kind === 'subscription' ? '' : ' Change the kind.'}`,
    );
}

function refused(errors: readonly Json[], data: Json): never {
  const [first] = errors;
  const message = isObject(first) && typeof first['message'] === 'string' ? first['message'] : shown(first);
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  fail('GRAPHQL_ERRORS', `The service answered with an error: ${message.slice(0, 500)}${more}`, {
    data: { errors: errors.slice(0, ERRORS_KEPT), hasData: data !== null },
  });
}

function itemsOf(data: Json, path: string): JsonObject | readonly JsonObject[] {
  const part = path === '' ? data : isObject(data) ? readField(data, path) : undefined;
  if (part === undefined) fail('GRAPHQL_PART', `The data has no "${path}".`);
  return isList(part) ? part.map(asItem) : asItem(part);
}

function asItem(value: Json): JsonObject {
  return isObject(value) ? value : value === null ? {} : { data: value };
}
