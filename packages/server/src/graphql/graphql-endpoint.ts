/**
 * GraphQL over HTTP: one document at a time, within limits, by its text or, for our own pages, by its hash. Parsed and checked documents are
 * kept, since pages send the same ones again and again.
 */
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  execute,
  getOperationAST,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { z } from 'zod';
import { MAX_TOKENS, aliasLimit, directiveLimit, rootFieldLimit } from './limits.ts';
import type { GraphqlContext } from './schema.ts';

export interface GraphqlAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  /** Something was refused that may come again after so long. */
  readonly retryAfterSeconds?: number;
}

export interface GraphqlEndpoint {
  /**
   * @param request the request's JSON, read and bounded by the caller
   * @param options `accept` is the header: `application/graphql-response+json` gets statuses that tell more
   */
  answer(request: unknown, context: GraphqlContext, options?: AnswerOptions): Promise<GraphqlAnswer>;
}

export interface AnswerOptions {
  readonly accept?: string;
  /** May read the schema, and is helped with misspelt names. @default false: a stranger learns neither */
  readonly isKnown?: boolean;
}

export interface GraphqlEndpointOptions {
  readonly schema: GraphQLSchema;
  /** Documents of our own pages, by the SHA-256 of their text. Where there are some, strangers may send these and no others. */
  readonly persisted?: ReadonlyMap<string, string>;
}

const PLAIN = 'application/json; charset=utf-8';
const RESPONSE = 'application/graphql-response+json; charset=utf-8';
/** Checked documents in memory; the oldest leaves. */
const KEPT = 500;
const LONGEST_KEPT = 20_000;

const shape = z.object({
  query: z.string().nullish(),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  extensions: z.looseObject({ persistedQuery: z.looseObject({ sha256Hash: z.string() }).optional() }).nullish(),
});

type Checked = { readonly document: DocumentNode } | { readonly errors: readonly GraphQLError[] };

export function createGraphqlEndpoint({ schema, persisted }: GraphqlEndpointOptions): GraphqlEndpoint {
  const rules = [...specifiedRules, aliasLimit, directiveLimit, rootFieldLimit];
  const rulesOfStrangers = [...rules, NoSchemaIntrospectionCustomRule];
  /** Those of strangers are kept apart: what they send never pushes out what people work with. */
  const known = new Map<string, Checked>();
  const ofStrangers = new Map<string, Checked>();
  const ofPages = persisted && new Set(persisted.values());

  const check = (text: string, isKnown: boolean): Checked => {
    const kept = isKnown ? known : ofStrangers;
    const before = kept.get(text);
    if (before) return before;
    const checked = checkAnew(text, isKnown);
    if (text.length > LONGEST_KEPT) return checked;
    if (kept.size >= KEPT) kept.delete(kept.keys().next().value ?? '');
    kept.set(text, checked);
    return checked;
  };

  const checkAnew = (text: string, isKnown: boolean): Checked => {
    let document: DocumentNode;
    try {
      document = parse(text, { maxTokens: MAX_TOKENS });
    } catch (error) {
      if (error instanceof GraphQLError) return { errors: [error] };
      throw error;
    }
    const errors = validate(schema, document, isKnown ? rules : rulesOfStrangers, { maxErrors: 20, hideSuggestions: !isKnown });
    return errors.length > 0 ? { errors } : { document };
  };

  return {
    async answer(request, context, { accept = '', isKnown = false } = {}) {
      const type = accept.includes('application/graphql-response+json') ? RESPONSE : PLAIN;
      const refuse = (status: number, errors: readonly GraphQLError[]): GraphqlAnswer => ({
        status,
        type,
        text: JSON.stringify({ errors }),
      });
      const parsed = shape.safeParse(request);
      if (!parsed.success) {
        const wrong = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
        return refuse(400, [new GraphQLError(`The request is not GraphQL over HTTP: ${wrong}`)]);
      }
      const { query, operationName, variables, extensions } = parsed.data;
      const hash = extensions?.persistedQuery?.sha256Hash;
      const text = query ?? (hash === undefined ? undefined : persisted?.get(hash));
      if (text === undefined) {
        const code = hash === undefined ? 'QUERY_MISSING' : 'PERSISTED_QUERY_NOT_FOUND';
        return refuse(400, [
          new GraphQLError(hash === undefined ? 'The request has no query' : 'There is no such persisted query', { extensions: { code } }),
        ]);
      }
      if (!isKnown && ofPages?.has(text) === false) {
        const message =
          'Whoever is not signed in may send the operations of the pages only: sign in, send an API key, or load the page again';
        return refuse(401, [new GraphQLError(message, { extensions: { code: 'UNAUTHENTICATED' } })]);
      }
      const checked = check(text, isKnown);
      // A client that takes plain JSON may be an old one, which reads errors only from an answer with 200.
      if ('errors' in checked) return refuse(type === RESPONSE ? 400 : 200, checked.errors);
      if (!getOperationAST(checked.document, operationName ?? undefined)) {
        return refuse(type === RESPONSE ? 400 : 200, [new GraphQLError('The document has no such operation')]);
      }
      const result = await execute({
        schema,
        document: checked.document,
        contextValue: context,
        variableValues: variables ?? {},
        operationName: operationName ?? null,
        hideSuggestions: !isKnown,
      });
      // Without data nothing was carried out: the variables were wrong, or the request was too complex.
      const status = type === RESPONSE && !('data' in result) ? 400 : 200;
      return {
        status,
        type,
        ...waitOf(result.errors),
        text: JSON.stringify({ ...result, ...(result.errors ? { errors: result.errors.map((error) => maskOdd(error, context)) } : {}) }),
      };
    },
  };
}

function waitOf(errors: readonly GraphQLError[] = []): { readonly retryAfterSeconds?: number } {
  const waits = errors.map(
    ({ extensions }) => (extensions['params'] as { readonly retryAfterSeconds?: unknown } | undefined)?.retryAfterSeconds,
  );
  const longest = Math.max(0, ...waits.filter((wait) => typeof wait === 'number'));
  return longest > 0 ? { retryAfterSeconds: longest } : {};
}

/** Resolvers mask what they meet themselves; this is for what fails between them. */
function maskOdd(error: GraphQLError, context: GraphqlContext): GraphQLError {
  const { originalError } = error;
  if (originalError === undefined || originalError === null || originalError instanceof GraphQLError) return error;
  return new GraphQLError(context.mask(originalError), {
    nodes: error.nodes ?? null,
    path: error.path ?? null,
    extensions: { code: 'INTERNAL' },
  });
}
