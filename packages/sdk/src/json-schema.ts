/**
 * JSON Schema 2020-12 of a type's parameters, for documentation, API clients and AI tools. What JSON Schema has no word for stands in
 * `x-plugboard-*` members; `when` stays data there, because conditional schemas make forms and models stumble.
 */
import type { Json, JsonObject } from './json.ts';
import type { ParamIR, ParamsIR } from './param-ir.ts';
import { QUESTION_OPS } from './question.ts';

export type JsonSchema = JsonObject;

/** The schema of literal values; where an expression may stand too, `x-plugboard-expr` says so. */
export function paramsToJsonSchema(params: ParamsIR): JsonSchema {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...objectSchema(params) };
}

function objectSchema(fields: ParamsIR): JsonObject {
  const required = Object.keys(fields).filter((name) => {
    const ir = fields[name];
    return ir?.required === true && ir.when === undefined;
  });
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(fields).map(([name, ir]) => [name, paramSchema(ir)])),
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  };
}

function paramSchema(ir: ParamIR): JsonObject {
  const schema = clean(valueSchema(ir));
  return clean({
    title: ir.title,
    description: ir.help,
    ...(ir.perItem === true ? { type: 'array', items: schema } : schema),
    default: ir.default,
    ...(ir.secret === true && { writeOnly: true, 'x-plugboard-secret': true }),
    'x-plugboard-kind': ir.kind,
    'x-plugboard-expr': ir.expr,
    'x-plugboard-when': ir.when,
    'x-plugboard-required-when-shown': ir.required === true && ir.when !== undefined ? true : undefined,
    'x-plugboard-widget': ir.widget,
    'x-plugboard-placeholder': ir.placeholder,
  });
}

function valueSchema(ir: ParamIR): { readonly [key: string]: Json | undefined } {
  switch (ir.kind) {
    case 'text':
      return {
        type: 'string',
        minLength: ir.minLength,
        maxLength: ir.maxLength,
        pattern: ir.pattern === undefined ? undefined : `^(?:${ir.pattern})$`,
        format: ir.format === 'url' ? 'uri' : ir.format,
      };
    case 'number':
      return { type: ir.integer === true ? 'integer' : 'number', minimum: ir.min, maximum: ir.max };
    case 'boolean':
      return { type: 'boolean' };
    case 'choice': {
      const one = { type: 'string', enum: ir.options.map((option) => option.value) };
      const titles = { 'x-plugboard-titles': ir.options.map((option) => option.title) };
      return ir.multiple === true ? { type: 'array', items: one, uniqueItems: true, ...titles } : { ...one, ...titles };
    }
    case 'json':
      return {};
    case 'code':
      return { type: 'string', maxLength: ir.maxLength, contentMediaType: `text/${ir.language}` };
    case 'list':
      return { type: 'array', items: paramSchema(ir.of), minItems: ir.minItems, maxItems: ir.maxItems };
    case 'map':
      return { type: 'object', additionalProperties: paramSchema(ir.of), maxProperties: ir.maxItems };
    case 'object':
      return objectSchema(ir.fields);
    case 'variant':
      return {
        oneOf: Object.entries(ir.variants).map(([tag, fields]) => {
          const { properties, required, ...rest } = objectSchema(fields) as {
            readonly properties: JsonObject;
            readonly required?: readonly string[];
          };
          return { ...rest, properties: { [ir.tag]: { const: tag }, ...properties }, required: [ir.tag, ...(required ?? [])] };
        }),
        'x-plugboard-tag': ir.tag,
      };
    case 'conditions':
      return {
        anyOf: [{ type: 'boolean' }, questionSchema('all'), questionSchema('any')],
      };
    case 'credential':
      return { type: 'string', 'x-plugboard-credential-types': ir.types };
    case 'file':
      return {
        type: 'object',
        properties: {
          id: { type: 'string' },
          name: { type: 'string' },
          mime: { type: 'string' },
          size: { type: 'integer' },
          sha256: { type: 'string' },
        },
        required: ['id', 'name', 'mime', 'size', 'sha256'],
      };
    case 'date':
      return { type: 'string', format: ir.withTime === true ? 'date-time' : 'date' };
  }
}

function questionSchema(member: 'all' | 'any'): JsonObject {
  const rule = { type: 'object', properties: { left: {}, op: { enum: QUESTION_OPS }, right: {} }, required: ['left', 'op'] };
  // A rule may be a question again.
  const items = { anyOf: [rule, { type: 'object', minProperties: 1, maxProperties: 1 }] };
  return { type: 'object', properties: { [member]: { type: 'array', items } }, required: [member], additionalProperties: false };
}

function clean(schema: { readonly [key: string]: Json | undefined }): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}
