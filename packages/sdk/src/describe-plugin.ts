/**
 * A plugin's static description: the JSON that the catalog, forms, validation and documentation read without running plugin code.
 * Pure: equal plugins give equal descriptions, so that the host can compare them by hash.
 */
import type { CredentialTypeIR } from './credential-ir.ts';
import type { CredentialDefinition } from './define-credential.ts';
import type { NodeDefinition } from './define-node.ts';
import type { Plugin } from './define-plugin.ts';
import type { TriggerDefinition } from './define-trigger.ts';
import { paramsProblems, typeProblems } from './description-rules.ts';
import type { DescriptionProblem } from './description-rules.ts';
import type { Json } from './json.ts';
import { shapeIR } from './param-builder.ts';
import type { NodeTypeIR, PluginIR, TriggerTypeIR } from './type-ir.ts';

/** Thrown when a plugin's definition contradicts itself. The author fixes what `problems` lists; nothing at run time can. */
export class PluginInvalidError extends Error {
  override readonly name = 'PluginInvalidError';
  readonly code = 'PLUGIN_INVALID';
  readonly problems: readonly DescriptionProblem[];

  constructor(pluginId: string, problems: readonly DescriptionProblem[]) {
    const lines = problems.map((problem) => `  ${problem.path}: ${problem.message} (${problem.code})`);
    super(`The plugin ${JSON.stringify(pluginId)} cannot be described:\n${lines.join('\n')}`);
    this.problems = problems;
  }
}

/**
 * The description of a plugin.
 * @throws PluginInvalidError listing every problem at once.
 */
export function describePlugin(plugin: Plugin): PluginIR {
  const problems = pluginProblems(plugin);
  if (problems.length > 0) throw new PluginInvalidError(plugin.id, problems);
  const credentials = plugin.credentials.map((credential) => describeCredential(plugin.id, credential));
  return {
    irVersion: 1,
    id: plugin.id,
    version: plugin.version,
    title: plugin.title,
    types: [
      ...plugin.nodes.map((node) => describeNode(plugin.id, node)),
      ...plugin.triggers.map((trigger) => describeTrigger(plugin.id, trigger)),
    ],
    ...(credentials.length > 0 && { credentials }),
  };
}

/** The text of a description that hashes are made of: keys sorted, no spaces. */
export function descriptionText(value: PluginIR): string {
  return canonical(value as unknown as Json);
}

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;

/** Every problem of a plugin's definition. */
function pluginProblems(plugin: Plugin): readonly DescriptionProblem[] {
  const problems: DescriptionProblem[] = [];
  if (!ID.test(plugin.id)) problems.push({ code: 'ID_INVALID', path: 'id', message: 'Use 1 to 64 letters, digits, - or _.' });
  if (!VERSION.test(plugin.version)) problems.push({ code: 'VERSION_INVALID', path: 'version', message: 'Use a version such as 1.2.3.' });
  if (plugin.title.trim() === '') problems.push({ code: 'TITLE_MISSING', path: 'title', message: 'Give the plugin a title.' });
  const seen = new Set<string>();
  const entries: (readonly [string, NodeDefinition | TriggerDefinition])[] = [
    ...plugin.nodes.map((node, i) => [`nodes[${i}]`, node] as const),
    ...plugin.triggers.map((trigger, i) => [`triggers[${i}]`, trigger] as const),
  ];
  for (const [at, type] of entries) {
    const path = `${at} ${type.id}`;
    const key = `${type.id}@${type.version}`;
    if (seen.has(key)) problems.push({ code: 'TYPE_DUPLICATE', path, message: `${type.id} has the version ${type.version} twice.` });
    seen.add(key);
    problems.push(...typeProblems(path, type));
  }
  const credentialIds = new Set<string>();
  plugin.credentials.forEach((credential, i) => {
    const path = `credentials[${i}] ${credential.id}`;
    if (!ID.test(credential.id)) problems.push({ code: 'ID_INVALID', path, message: 'Use 1 to 64 letters, digits, - or _.' });
    if (credentialIds.has(credential.id)) problems.push({ code: 'TYPE_DUPLICATE', path, message: `${credential.id} is there twice.` });
    credentialIds.add(credential.id);
    problems.push(...paramsProblems(`${path}.fields`, shapeIR(credential.fields)), ...authProblems(path, credential));
  });
  return problems;
}

function authProblems(path: string, credential: CredentialDefinition): readonly DescriptionProblem[] {
  const named = Object.entries(credential.auth ?? {}).flatMap(([member, value]): readonly (readonly [string, string])[] => {
    if (member.endsWith('Field') && typeof value === 'string') return [[member, value]];
    return member === 'bodyFields' && Array.isArray(value) ? value.map((field) => [member, String(field)] as const) : [];
  });
  const tested = credential.test?.urlField;
  return [...named, ...(tested === undefined ? [] : [['test.urlField', tested] as const])]
    .filter(([, field]) => !Object.hasOwn(credential.fields, field))
    .map(([member, field]) => ({
      code: 'FIELD_UNKNOWN' as const,
      path: `${path}.auth.${member}`,
      message: `There is no field ${JSON.stringify(field)}.`,
    }));
}

function describeNode(pluginId: string, node: NodeDefinition): NodeTypeIR {
  return {
    kind: 'node',
    ...describeCommon(pluginId, node, ['run']),
    per: node.per,
    ports: node.ports ?? {},
    effects: node.effects,
    ...(node.repeatable !== undefined && node.repeatable !== false && { repeatable: node.repeatable }),
    ...(node.runsOnEmpty === true && { runsOnEmpty: true }),
    ...(node.atomic !== undefined && { atomic: node.atomic }),
    ...(node.cpu !== undefined && { cpu: node.cpu }),
    ...(node.join !== undefined && { join: node.join }),
    ...(node.waits !== undefined && { waits: node.waits }),
    ...(node.loop !== undefined && { loop: node.loop }),
    ...(node.breaks === true && { breaks: true as const }),
    ...(node.replies === true && { replies: true as const }),
    ...(node.rejected !== undefined && { rejected: node.rejected }),
  };
}

const TRIGGER_FUNCTIONS = ['handle', 'register', 'unregister', 'renew', 'poll', 'open'] as const;

function describeTrigger(pluginId: string, trigger: TriggerDefinition): TriggerTypeIR {
  const functions = TRIGGER_FUNCTIONS.filter((name) => trigger[name] !== undefined);
  return {
    kind: 'trigger',
    ...describeCommon(pluginId, trigger, functions),
    trigger: trigger.kind,
    ports: trigger.ports ?? { inputs: [] },
  };
}

function describeCommon(pluginId: string, type: NodeDefinition | TriggerDefinition, functions: readonly string[]) {
  return {
    type: `${pluginId}/${type.id}`,
    version: type.version,
    title: type.title,
    ...(type.help !== undefined && { help: type.help }),
    ...(type.icon !== undefined && { icon: type.icon }),
    group: type.group,
    params: shapeIR(type.params),
    ...(type.credentials !== undefined && { credentials: type.credentials }),
    functions: [
      ...functions,
      ...Object.keys(type.migrate ?? {}).map((from) => `migrate.${from}`),
      ...Object.keys(type.remote ?? {}).map((name) => `remote.${name}`),
    ],
  };
}

function describeCredential(pluginId: string, credential: CredentialDefinition): CredentialTypeIR {
  return {
    type: `${pluginId}/${credential.id}`,
    title: credential.title,
    ...(credential.help !== undefined && { help: credential.help }),
    fields: shapeIR(credential.fields),
    ...(credential.auth !== undefined && { auth: credential.auth }),
    ...(credential.test !== undefined && { test: credential.test }),
    hosts: credential.hosts,
    ...(credential.exposed === true && { exposed: true }),
  };
}

function canonical(value: Json | undefined): string {
  if (value === undefined || value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const record = value as { readonly [key: string]: Json | undefined };
  const keys = Object.keys(record)
    .filter((key) => record[key] !== undefined)
    .toSorted();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(record[key])}`).join(',')}}`;
}
