/** The OpenAPI 3.1 document, written from the same operations that answer. */
import { z } from 'zod';
import { type Operation, type RestAlias, camelName } from '../operation/operation.ts';
import { ALWAYS, ALWAYS_OF_MUTATIONS, PROBLEMS } from '../operation/problems.ts';
import type { Registry } from '../operation/registry.ts';
import { isQueryMethod } from './rest-adapter.ts';

type Schema = Record<string, unknown>;

export function openApiDocument(registry: Registry, info: { readonly url: string; readonly version: string }): Schema {
  const schemas: Record<string, Schema> = { Problem: problemSchema() };
  const paths: Record<string, Record<string, Schema>> = {};
  for (const operation of registry.all) {
    const { method, path, alsoAt = [] } = operation.rest;
    (paths[`/api${path}`] ??= {})[method.toLowerCase()] = describe(operation, schemas);
    alsoAt.forEach((alias, i) => {
      (paths[`/api${alias.path}`] ??= {})[alias.method.toLowerCase()] = describeAlias(operation, alias, i, schemas);
    });
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Plugboard', version: info.version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: info.url }],
    security: [{ key: [] }, { session: [] }],
    paths,
    components: {
      schemas,
      responses: {
        Unexpected: {
          description:
            'A limit that every request has (413, 415, 429), a server that stops or has too much to do (503, with Retry-After), or a failure whose id the message gives (500).',
          headers: {
            'X-Request-Id': { description: 'Stands in the log beside what happened.', schema: { type: 'string' } },
            'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } },
          },
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
      parameters: {
        Workspace: {
          name: 'X-Plugboard-Workspace',
          in: 'header',
          required: false,
          description:
            'Short name of the workspace; a key has its own. The address may name it instead: /api/w/sales/runs is /api/runs in the workspace sales.',
          schema: { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{0,62}$', default: 'default' },
        },
        IdempotencyKey: {
          name: 'Idempotency-Key',
          in: 'header',
          required: false,
          description: 'A repeated request with the same key does nothing twice, for a day; the answer is that of the first.',
          schema: { type: 'string', minLength: 1, maxLength: 255 },
        },
      },
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'An API key or a short-lived token.' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-plugboard',
          description:
            'The cookie of a browser that signed in ("plugboard" over plain HTTP on this machine). Changes need the header X-Plugboard-Request too.',
        },
      },
    },
  };
}

function describe(operation: Operation, schemas: Record<string, Schema>): Schema {
  const { method, path, status = 200, bodyField } = operation.rest;
  const input = schemaOf(operation.input, 'input', schemas) as { properties?: Record<string, Schema>; required?: string[] };
  const inPath = new Set([...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''));
  const properties = Object.entries(input.properties ?? {});
  const required = new Set(input.required);
  const asQuery = isQueryMethod(method) || operation.stream === 'upload';
  const ofWorkspace = 'action' in operation.permission || 'member' in operation.permission;
  const headers = operation.kind === 'mutation' && ofWorkspace ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : [];
  const fields = properties
    .filter(([name]) => inPath.has(name) || asQuery)
    .map(([name, schema]) => ({ name, in: inPath.has(name) ? 'path' : 'query', required: inPath.has(name) || required.has(name), schema }));
  const parameters = [...fields, ...headers, ...(ofWorkspace ? [{ $ref: '#/components/parameters/Workspace' }] : [])];
  const body = properties.filter(([name]) => !inPath.has(name));
  const problems = [...new Set([...(operation.kind === 'mutation' ? ALWAYS_OF_MUTATIONS : ALWAYS), ...operation.problems])];
  const byStatus = Map.groupBy(problems, (code) => PROBLEMS[code].status);
  return {
    operationId: camelName(operation.name),
    summary: operation.summary,
    tags: [operation.name.split('.', 1)[0]],
    'x-kind': operation.kind,
    ...(bodyField === undefined ? {} : { 'x-body-field': bodyField }),
    ...('public' in operation.permission ? { security: [] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(operation.stream === 'upload' ? { requestBody: UPLOAD_BODY } : {}),
    ...(!asQuery && body.length > 0
      ? {
          requestBody: {
            required: body.some(([name]) => required.has(name)),
            content: {
              'application/json': {
                schema:
                  bodyField === undefined
                    ? {
                        type: 'object',
                        properties: Object.fromEntries(body),
                        required: body.map(([name]) => name).filter((name) => required.has(name)),
                        additionalProperties: false,
                      }
                    : (input.properties?.[bodyField] ?? {}),
              },
            },
          },
        }
      : {}),
    responses: {
      [status]:
        operation.stream === 'download'
          ? { description: 'The content.', content: { 'application/octet-stream': { schema: {} } } }
          : { description: 'Done', content: { 'application/json': { schema: schemaOf(operation.output, 'output', schemas) } } },
      ...Object.fromEntries(
        [...byStatus].map(([code, codes]) => [
          code,
          {
            description: codes.map((one) => `${one}: ${PROBLEMS[one].text}`).join(' '),
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } },
          },
        ]),
      ),
      default: { $ref: '#/components/responses/Unexpected' },
    },
  };
}

/** The same operation at another address, which generated clients need not have twice. */
function describeAlias(operation: Operation, { method, path, answer }: RestAlias, i: number, schemas: Record<string, Schema>): Schema {
  const described = describe(
    { ...operation, rest: { ...operation.rest, method, path }, ...(answer && { output: answer.output }) },
    schemas,
  );
  const name = camelName(operation.name);
  return {
    ...described,
    operationId: `${name}Also${i + 1}`,
    'x-same-as': name,
    summary: `As ${operation.rest.method} /api${operation.rest.path}: ${operation.summary}`,
  };
}

const UPLOAD_BODY = {
  required: true,
  content: {
    'application/octet-stream': { schema: {} },
    'multipart/form-data': {
      schema: {
        type: 'object',
        properties: { file: { type: 'array', items: { type: 'string', contentMediaType: 'application/octet-stream' } } },
      },
    },
  },
};

/** JSON Schema of a part; named parts are moved to the document's components. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', schemas: Record<string, Schema>): Schema {
  const {
    $schema: _,
    $defs: defs,
    ...own
  } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Schema & { $defs?: Record<string, Schema> };
  for (const [name, one] of Object.entries(defs ?? {})) schemas[name] ??= moved(one);
  return moved(own);
}

function moved(schema: Schema): Schema {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')) as Schema;
}

function problemSchema(): Schema {
  return {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['code', 'message'],
        properties: {
          code: { type: 'string', enum: Object.keys(PROBLEMS) },
          message: { type: 'string' },
          hint: { type: 'string' },
          path: { type: 'string' },
          params: { type: 'object' },
          problems: { type: 'array', items: { type: 'object' } },
        },
      },
    },
  };
}
