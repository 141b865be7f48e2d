/**
 * Writes `generated.ts` from the OpenAPI document of the server: the types of every operation, and where each is reached. Nothing of it is
 * written by hand, so that client and server cannot differ.
 */

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly additionalProperties?: Schema | boolean;
  readonly description?: string;
}

interface Parameter {
  readonly $ref?: string;
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Schema;
}

interface Described {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly 'x-kind': 'query' | 'mutation';
  readonly 'x-body-field'?: string;
  /** Another address of an operation that is there already. */
  readonly 'x-same-as'?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>>;
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;
/** Of the schema of problems: the class of the client says it better. */
const OWN_SCHEMAS = new Set(['Problem']);

export function clientSource(document: OpenApi): string {
  const lines = [
    '/** Made from the OpenAPI document of the server. Not written by hand: `PLUGBOARD_UPDATE=1 vitest run packages/client` makes it anew. */',
  ];
  lines.push(`import type { Call, CallOptions, Download, UploadBody } from './call-types.ts';`, '');
  const codes = (document.components.schemas['Problem']?.properties?.['error']?.properties?.['code']?.enum ?? []).map(String).toSorted();
  lines.push(
    '/** Every problem the server answers with. */',
    `export type ProblemCode = ${codes.map((code) => JSON.stringify(code)).join(' | ')};`,
    '',
  );
  for (const [name, schema] of Object.entries(document.components.schemas).toSorted(byName)) {
    if (!OWN_SCHEMAS.has(name)) lines.push(`export type ${name} = ${typeOf(schema)};`, '');
  }

  const groups = new Map<string, { readonly verb: string; readonly type: string; readonly route: string }[]>();
  for (const [path, methods] of Object.entries(document.paths).toSorted(byName)) {
    for (const [method, one] of Object.entries(methods)) {
      if (one['x-same-as'] !== undefined) continue;
      const group = one.tags[0] ?? '';
      const verb = lowerFirst(one.operationId.slice(group.length));
      const parameters = (one.parameters ?? []).filter((parameter) => parameter.$ref === undefined);
      const fields = parameters.map((parameter) => field(parameter.name, parameter.schema, parameter.required === true));
      const isUpload = one.requestBody?.content['application/octet-stream'] !== undefined;
      const body = isUpload ? undefined : one.requestBody?.content['application/json']?.schema;
      const bodyField = one['x-body-field'];
      if (body && bodyField !== undefined) fields.push(field(bodyField, body, one.requestBody?.required === true));
      else if (body) fields.push(...fieldsOf(body));
      const hasInput = fields.length > 0;
      const isOptional = !fields.some((text) => !/^(?:\/\*\*.*?\*\/ )?readonly [^:]*\?:/.test(text));
      const inputName = `${upperFirst(one.operationId)}Input`;
      if (hasInput) lines.push(`export interface ${inputName} {`, ...fields.map((text) => `  ${text}`), '}', '');
      const success = Object.entries(one.responses).find(([status]) => status.startsWith('2'))?.[1];
      const isDownload = success?.content?.['application/octet-stream'] !== undefined;
      const output = isDownload ? 'Download' : typeOf(success?.content?.['application/json']?.schema ?? {});
      const taken = [
        ...(isUpload ? ['body: UploadBody'] : []),
        hasInput ? `input${isOptional ? '?' : ''}: ${inputName}` : `input?: Readonly<Record<string, never>>`,
        'options?: CallOptions',
      ];
      const isRepeatable =
        one['x-kind'] === 'query' || (one.parameters ?? []).some((parameter) => parameter.$ref?.endsWith('/IdempotencyKey') === true);
      const names = (where: string): string[] =>
        parameters.filter((parameter) => parameter.in === where).map((parameter) => parameter.name);
      const route = {
        method: method.toUpperCase(),
        path,
        kind: one['x-kind'],
        isRepeatable,
        ...(names('query').length > 0 ? { query: names('query') } : {}),
        ...(bodyField === undefined ? {} : { bodyField }),
        ...(isUpload ? { stream: 'upload' } : isDownload ? { stream: 'download' } : {}),
      };
      const doc = `/** ${comment(one.summary)} */`;
      const members = groups.get(group) ?? [];
      members.push({
        verb,
        type: `    ${doc}\n    ${verb}(${taken.join(', ')}): Promise<${output}>;`,
        route: `    ${verb}: ${JSON.stringify(route)},`,
      });
      groups.set(group, members);
    }
  }
  lines.push('/** Every operation, by what it is about. */', 'export interface Operations {');
  for (const [group, members] of [...groups].toSorted(byName))
    lines.push(`  readonly ${group}: {`, ...members.map((one) => one.type), '  };');
  lines.push('}', '', '/** Where each is reached. */', 'export const ROUTES: Readonly<Record<string, Readonly<Record<string, Call>>>> = {');
  for (const [group, members] of [...groups].toSorted(byName)) lines.push(`  ${group}: {`, ...members.map((one) => one.route), '  },');
  lines.push('};', '');
  return lines.join('\n');
}

function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return schema.$ref.replace('#/components/schemas/', '');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' | ');
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return unionOf(either);
  if (schema.allOf) return schema.allOf.map(inBrackets).join(' & ');
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type })).join(' | ');
  switch (schema.type) {
    case 'string':
      return 'string';
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'null':
      return 'null';
    case 'array':
      return schema.prefixItems
        ? `readonly [${schema.prefixItems.map(typeOf).join(', ')}]`
        : `readonly ${inBrackets(schema.items ?? {})}[]`;
    case 'object':
      return schema.properties
        ? `{ ${fieldsOf(schema).join(' ')} }`
        : `Readonly<Record<string, ${valueType(schema.additionalProperties)}>>`;
    default:
      return 'unknown';
  }
}

/** With something that can be anything, the others say nothing more. */
function unionOf(either: readonly Schema[]): string {
  const types = either.map(inBrackets);
  return types.includes('unknown') ? 'unknown' : types.join(' | ');
}

function valueType(of: Schema | boolean | undefined): string {
  return typeof of === 'object' ? typeOf(of) : 'unknown';
}

function inBrackets(schema: Schema): string {
  const type = typeOf(schema);
  return /[|&]|^readonly /.test(type) && !type.startsWith('{') ? `(${type})` : type;
}

function fieldsOf(schema: Schema): string[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).map(([name, one]) => field(name, one, required.has(name)));
}

function field(name: string, schema: Schema, isRequired: boolean): string {
  const doc = schema.description === undefined ? '' : `/** ${comment(schema.description)} */ `;
  return `${doc}readonly ${IDENTIFIER.test(name) ? name : JSON.stringify(name)}${isRequired ? '' : '?'}: ${typeOf(schema)};`;
}

function comment(text: string): string {
  return text.replaceAll('*/', '* /').replaceAll(/\s+/g, ' ');
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
