/** Definitions against the catalog of this server: checked, fingerprinted, and what follows from them for publishing and for people. */
import { createHash } from 'node:crypto';
import {
  type Problem,
  type TriggerKindName,
  TRIGGER_KIND,
  type WorkflowDefinition,
  checkDefinition,
  parseDefinition,
  semanticText,
} from '@plugboard/engine';
import type { HookSpec, PollRowSpec, ScheduleSpec, TypePins } from '@plugboard/persistence';
import type { Catalog } from '@plugboard/plugin-host';
import { parse as parseYaml } from 'yaml';
import { parseJson } from '../edge/read-body.ts';
import { hookProblems, hookSpecs } from '../hooks/hook-spec.ts';
import { OperationProblem } from '../operation/problem.ts';
import { pollSpec } from '../polling/poll-spec.ts';
import { type TimetableSpec, scheduleProblems, scheduleSpec, timetableSpec, zoneOf } from '../schedules/schedule-spec.ts';
import { timetableText } from '../schedules/timetable-text.ts';
import { checkCode } from './check-code.ts';

/** How a workflow starts, as one line. */
export interface WorkflowStart {
  readonly nodeId: string;
  readonly kind: TriggerKindName;
  /** What tells it from others: a method and a path, or the node's name. */
  readonly text: string;
}

export interface Definitions {
  /** Everything that is wrong with a definition, worst first. */
  validate(input: unknown): { readonly definition?: WorkflowDefinition; readonly problems: readonly Problem[] };
  /** A draft may be unfinished, but has to be a workflow. @throws OperationProblem DEFINITION_INVALID */
  demandReadable(input: unknown): WorkflowDefinition;
  /** @throws OperationProblem DEFINITION_INVALID, saying that nothing was `done` */
  demandSound(
    input: unknown,
    done: 'changed' | 'started',
  ): { readonly definition: WorkflowDefinition; readonly warnings: readonly Problem[] };
  /** Package and version of each node type used, so that a version says what it was published with. */
  pins(definition: WorkflowDefinition): TypePins;
  /** Plugins that node types belong to and that are not installed. */
  missingPlugins(input: unknown): readonly string[];
  hooks(definition: WorkflowDefinition): HookSpec[];
  /** `zone`: where neither the schedule nor the workflow names one. @default 'UTC' */
  schedules(definition: WorkflowDefinition, zone?: string): ScheduleSpec[];
  polls(definition: WorkflowDefinition): PollRowSpec[];
  /** What one schedule trigger of a draft says, sound or not; undefined where there is none with that id. */
  timetable(input: unknown, nodeId: string, zone?: string): { readonly spec: TimetableSpec; readonly zone: string } | undefined;
  /** `prefix`: what stands before the webhook paths of the workspace. */
  starts(definition: WorkflowDefinition, prefix?: string): WorkflowStart[];
}

export function createDefinitions(catalog: Catalog): Definitions {
  const webhookProblems = (definition: WorkflowDefinition): Problem[] =>
    definition.nodes.flatMap((node, i) => {
      const type = catalog.find(node.type, node.data.typeVersion);
      if (type?.kind !== 'trigger' || type.trigger !== 'webhook' || node.data.disabled === true) return [];
      const { params, name } = node.data;
      return hookProblems({ nodeId: node.id, ir: type.params, params, name, path: `nodes[${i}].data.params` });
    });
  const timetableProblems = (definition: WorkflowDefinition): Problem[] =>
    definition.nodes.flatMap((node, i) => {
      const type = catalog.find(node.type, node.data.typeVersion);
      if (type?.kind !== 'trigger' || type.trigger !== 'schedule' || node.data.disabled === true) return [];
      const { params, name } = node.data;
      const zone = definition.settings.timezone ?? 'UTC';
      return scheduleProblems({ nodeId: node.id, ir: type.params, params, name, zone, now: Date.now(), path: `nodes[${i}].data.params` });
    });
  const validate: Definitions['validate'] = (input) => {
    const result = checkDefinition(input, { findType: catalog.find, knownTypes: catalog.types(), checkCode });
    const found = result.ok
      ? [...result.problems, ...webhookProblems(result.definition), ...timetableProblems(result.definition)]
      : result.problems;
    const problems = found.toSorted(bySeverity);
    return result.ok ? { definition: result.definition, problems } : { problems };
  };
  const triggersOf = (definition: WorkflowDefinition) =>
    definition.nodes.flatMap((node) => {
      const type = catalog.find(node.type, node.data.typeVersion);
      if (type?.kind !== 'trigger' || node.data.disabled === true) return [];
      const param = (name: string): string => {
        const value = node.data.params[name] ?? type.params[name]?.default;
        return typeof value === 'string' ? value : '';
      };
      return [{ node, trigger: type.trigger, ir: type.params, param }];
    });

  const missingPlugins = (input: unknown): string[] => {
    const known = new Set(catalog.types().map((type) => pluginOf(type.type)));
    return [...new Set(typesIn(input).map(pluginOf))].filter((plugin) => plugin !== '' && !known.has(plugin)).toSorted();
  };

  return {
    validate,
    missingPlugins,

    demandReadable(input) {
      const parsed = parseDefinition(input);
      if (parsed.ok) return parsed.definition;
      const count = `${parsed.problems.length} ${parsed.problems.length === 1 ? 'problem' : 'problems'}`;
      throw new OperationProblem('DEFINITION_INVALID', `The workflow has ${count}; nothing was changed`, { problems: parsed.problems });
    },

    demandSound(input, done) {
      const { definition, problems } = validate(input);
      const errors = problems.filter((problem) => problem.severity === 'error');
      if (!definition || errors.length > 0) {
        const count = `${errors.length} ${errors.length === 1 ? 'problem' : 'problems'}`;
        throw new OperationProblem('DEFINITION_INVALID', `The workflow has ${count}; nothing was ${done}`, {
          problems,
          ...missingParams(missingPlugins(input)),
        });
      }
      return { definition, warnings: problems.filter((problem) => problem.severity === 'warning') };
    },

    pins(definition) {
      const pins: { [type: string]: { package: string; version: string } } = {};
      for (const node of definition.nodes) {
        const source = catalog
          .plugins()
          .find((plugin) => plugin.types.some((type) => type.type === node.type && type.version === node.data.typeVersion));
        if (source) pins[`${node.type}@${node.data.typeVersion}`] = { package: source.id, version: source.version };
      }
      return pins;
    },

    hooks: (definition) =>
      triggersOf(definition)
        .filter(({ trigger }) => trigger === 'webhook')
        .flatMap(({ node, ir }) => hookSpecs({ nodeId: node.id, ir, params: node.data.params })),

    schedules: (definition, zone = 'UTC') =>
      triggersOf(definition)
        .filter(({ trigger }) => trigger === 'schedule')
        .map(({ node, ir }) =>
          scheduleSpec({
            nodeId: node.id,
            name: node.data.name,
            ir,
            params: node.data.params,
            zone: definition.settings.timezone ?? zone,
          }),
        ),

    polls: (definition) =>
      triggersOf(definition)
        .filter(({ trigger }) => trigger === 'poll')
        .map(({ node, ir }) =>
          pollSpec({
            nodeId: node.id,
            name: node.data.name,
            type: node.type,
            version: node.data.typeVersion,
            ir,
            params: node.data.params,
          }),
        ),

    timetable(input, nodeId, zone = 'UTC') {
      const parsed = parseDefinition(input);
      const node = parsed.ok ? parsed.definition.nodes.find((one) => one.id === nodeId) : undefined;
      const type = node && catalog.find(node.type, node.data.typeVersion);
      if (!parsed.ok || !node || type?.kind !== 'trigger' || type.trigger !== 'schedule') return undefined;
      const own = { ir: type.params, params: node.data.params };
      return { spec: timetableSpec(own), zone: zoneOf(own) ?? parsed.definition.settings.timezone ?? zone };
    },

    starts: (definition, prefix = '') =>
      triggersOf(definition).map(({ node, trigger, param, ir }) => ({
        nodeId: node.id,
        kind: Object.hasOwn(TRIGGER_KIND, trigger) ? (trigger as TriggerKindName) : 'manual',
        text:
          trigger === 'webhook'
            ? `${hookSpecs({ nodeId: node.id, ir, params: node.data.params })
                .map((one) => one.method)
                .join(', ')} ${hookAddress(param('path'), prefix)}`
            : trigger === 'schedule'
              ? timetableText(timetableSpec({ ir, params: node.data.params })) || node.data.name
              : node.data.name,
      })),
  };
}

/** Said beside the problems: nobody has to read them to know what to install. */
export function missingParams(plugins: readonly string[]): {
  readonly params?: { readonly missingPlugins: readonly string[] };
  readonly hint?: string;
} {
  if (plugins.length === 0) return {};
  return { params: { missingPlugins: plugins }, hint: `It needs plugins that are not installed: ${plugins.join(', ')}.` };
}

/** The types of whatever looks like a node; the input may be anything. */
function typesIn(input: unknown): string[] {
  if (typeof input !== 'object' || input === null || !('nodes' in input) || !Array.isArray(input.nodes)) return [];
  return (input.nodes as readonly unknown[]).slice(0, 10_000).flatMap((node) => {
    const type: unknown = typeof node === 'object' && node !== null && 'type' in node ? node.type : undefined;
    return typeof type === 'string' && type.length <= 200 ? [type] : [];
  });
}

function pluginOf(type: string): string {
  return type.includes('/') ? type.slice(0, type.lastIndexOf('/')) : '';
}

export function semanticHash(definition: WorkflowDefinition): string {
  return createHash('sha256').update(semanticText(definition)).digest('hex');
}

/** Where a webhook with this pattern is reached. `prefix`: what stands before the paths of its workspace. */
export function hookAddress(pattern: string, prefix = ''): string {
  return `/hooks/${prefix}${pattern.replace(/^\/+/, '')}`;
}

/**
 * A workflow file as its text, JSON or YAML.
 * @throws OperationProblem INPUT_INVALID
 */
export function readDefinitionText(text: string): unknown {
  let json = text;
  if (!text.trimStart().startsWith('{')) {
    try {
      json = JSON.stringify(parseYaml(text, { maxAliasCount: 50 }) ?? null);
    } catch (error) {
      const [line] = (error instanceof Error ? error.message : '').split('\n', 1);
      throw new OperationProblem('INPUT_INVALID', `The file is neither JSON nor YAML: ${line ?? ''}`, { path: 'input.text' });
    }
  }
  // The way of every body: what is refused there is refused here.
  const parsed = parseJson(Buffer.from(json));
  if (!parsed.ok) throw new OperationProblem('INPUT_INVALID', parsed.problem.message, { path: 'input.text' });
  return parsed.value;
}

function bySeverity(a: Problem, b: Problem): number {
  return Number(a.severity === 'warning') - Number(b.severity === 'warning');
}
