/** Definitions against the catalog of this server: checked, fingerprinted, and what follows from them for publishing and for people. */
import { createHash } from 'node:crypto';
import {
  type Problem,
  type TriggerKindName,
  TRIGGER_KIND,
  type WorkflowDefinition,
  checkDefinition,
  semanticText,
} from '@plugboard/engine';
import type { HookReply, HookSpec, TypePins } from '@plugboard/persistence';
import type { Catalog } from '@plugboard/plugin-host';
import { parse as parseYaml } from 'yaml';
import { parseJson } from '../edge/read-body.ts';
import { OperationProblem } from '../operation/problem.ts';
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
  /** @throws OperationProblem DEFINITION_INVALID, saying that nothing was `done` */
  demandSound(
    input: unknown,
    done: 'changed' | 'started',
  ): { readonly definition: WorkflowDefinition; readonly warnings: readonly Problem[] };
  /** Package and version of each node type used, so that a version says what it was published with. */
  pins(definition: WorkflowDefinition): TypePins;
  hooks(definition: WorkflowDefinition): HookSpec[];
  starts(definition: WorkflowDefinition): WorkflowStart[];
}

export function createDefinitions(catalog: Catalog): Definitions {
  const validate: Definitions['validate'] = (input) => {
    const result = checkDefinition(input, { findType: catalog.find, knownTypes: catalog.types(), checkCode });
    const problems = result.problems.toSorted(bySeverity);
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
      return [{ node, trigger: type.trigger, param }];
    });

  return {
    validate,

    demandSound(input, done) {
      const { definition, problems } = validate(input);
      const errors = problems.filter((problem) => problem.severity === 'error');
      if (!definition || errors.length > 0) {
        const count = `${errors.length} ${errors.length === 1 ? 'problem' : 'problems'}`;
        throw new OperationProblem('DEFINITION_INVALID', `The workflow has ${count}; nothing was ${done}`, { problems });
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
        // Validation has seen to it that these are texts.
        .map(({ node, param }) => ({
          nodeId: node.id,
          method: param('method').toUpperCase(),
          pattern: param('path'),
          reply: param('reply') as HookReply,
          settings: {},
        })),

    starts: (definition) =>
      triggersOf(definition).map(({ node, trigger, param }) => ({
        nodeId: node.id,
        kind: Object.hasOwn(TRIGGER_KIND, trigger) ? (trigger as TriggerKindName) : 'manual',
        text: trigger === 'webhook' ? `${param('method').toUpperCase()} ${hookAddress(param('path'))}` : node.data.name,
      })),
  };
}

export function semanticHash(definition: WorkflowDefinition): string {
  return createHash('sha256').update(semanticText(definition)).digest('hex');
}

/** Where a webhook with this pattern is reached. */
export function hookAddress(pattern: string): string {
  return `/hooks/${pattern.replace(/^\/+/, '')}`;
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
