/** What a form holds and what is wrong with it. The rules are the server's own, run in the browser. Pure. */
import { holds, type Json, type JsonObject, type ParamIR, type ParamsIR, type ParamProblem, validateParams } from '@plugboard/sdk';

/** Defaults of a form, for fields that have one. */
export function defaultsOf(fields: ParamsIR): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, field]) => (field.default === undefined ? [] : [[name, field.default]])),
  );
}

/** Names of the fields that show for these values. */
export function shownFields(fields: ParamsIR, values: JsonObject): string[] {
  const given = { ...defaultsOf(fields), ...values };
  return Object.keys(fields).filter((name) => {
    const when = fields[name]?.when;
    return when === undefined || holds(when, given);
  });
}

/** Problems by path, such as `address.city` or `tags[1]`. Everything typed here is a literal, a leading `=` included. */
export function formProblems(fields: ParamsIR, values: JsonObject): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const problem of validateParams(fields, literals(values) as JsonObject)) {
    const path = pathText(problem.path);
    if (!found.has(path)) found.set(path, words(problem));
  }
  return found;
}

export function pathText(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`), '');
}

function words(problem: ParamProblem): string {
  return problem.code === 'PARAM_REQUIRED' ? 'Needed to go on.' : problem.message;
}

/** On disk a leading `=` marks an expression and `==` the literal; a form for data has no expressions. */
function literals(value: Json): Json {
  if (typeof value === 'string') return value.startsWith('=') ? `=${value}` : value;
  if (Array.isArray(value)) return value.map(literals);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, literals(inner)]));
  return value;
}

/** What a new entry of a list or a map starts with. */
export function emptyOf(field: ParamIR): Json {
  if (field.default !== undefined) return field.default;
  switch (field.kind) {
    case 'object':
      return defaultsOf(field.fields);
    case 'list':
      return [];
    case 'map':
      return {};
    case 'boolean':
      return false;
    case 'variant': {
      const first = Object.keys(field.variants)[0] ?? '';
      return { [field.tag]: first, ...defaultsOf(field.variants[first] ?? {}) };
    }
    case 'choice':
      return field.multiple ? [] : (field.options[0]?.value ?? '');
    default:
      return '';
  }
}

/** `vat_id` and `vatId` read `Vat id` where the author gave no title. */
export function titleOf(name: string, field: ParamIR): string {
  if (field.title !== undefined) return field.title;
  const text = name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .replaceAll(/[_-]+/g, ' ')
    .toLowerCase();
  return `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`;
}
