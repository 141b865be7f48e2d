/**
 * Everything that is wrong with a definition, all at once. The editor, the server, imports and the command line call this one function.
 * Errors block publishing, warnings do not; a step that is disabled has only warnings.
 */
import type { TypeIR } from '@plugboard/sdk';
import { checkBudget } from './check-budget.ts';
import { checkFlow } from './check-flow.ts';
import { checkGraph } from './check-graph.ts';
import { checkParams } from './check-params.ts';
import type { ExpressionWork, ParamsContext } from './check-params.ts';
import { checkPolicies } from './check-policies.ts';
import { checkRunTags } from './check-run-tags.ts';
import { checkTests } from './check-tests.ts';
import { checkReplies, checkWebhooks } from './check-webhooks.ts';
import { checkDeclarations } from './declared-fields.ts';
import { DEFAULT_LIMITS, FORMAT } from './limits.ts';
import { STAND_IN, duplicateNames, parseDefinition } from './parse.ts';
import { hasErrors, problem } from './problems.ts';
import { subjectsOf } from './subject.ts';
import type { Subject } from './subject.ts';
import { suggest } from './suggest.ts';
import type { DefinitionLimits, Problem, WorkflowDefinition } from './types.ts';

export interface CodeProblem {
  readonly message: string;
  /** Position in the code, counted from 0. */
  readonly offset?: number;
}

export interface ValidateOptions {
  /** The description of a node type version, or undefined when it is not installed. */
  findType(type: string, version: number): TypeIR | undefined;
  /** What is installed, for better hints. @default only hints that need no list */
  readonly knownTypes?: readonly { readonly type: string; readonly version: number }[];
  /** @default DEFAULT_LIMITS */
  readonly limits?: Partial<DefinitionLimits>;
  /** Syntax check of code parameters. @default code is not checked */
  checkCode?(code: string, language: string): CodeProblem | undefined;
}

export function validateDefinition(definition: WorkflowDefinition, options: ValidateOptions): Problem[] {
  return listed(everyProblem(definition, options));
}

/** A definition over its limits is not looked at further: the work would grow with what is over. */
function everyProblem(definition: WorkflowDefinition, options: ValidateOptions): Problem[] {
  const whole = checkWhole(definition, { ...DEFAULT_LIMITS, ...options.limits });
  if (whole.some(({ code }) => OVER_LIMIT.has(code))) return whole;
  const subjects = subjectsOf(definition, options.findType);
  const byName = new Map(subjects.toReversed().map((subject) => [subject.node.data.name, subject]));
  const graph = checkGraph(definition, subjects);
  const work: ExpressionWork = { compiled: new Map(), patterns: 0, isOver: false };
  const context: ParamsContext = { work, byName, leadsTo: graph.leadsTo, checkCode: options.checkCode };
  return [
    ...whole,
    ...duplicateNames(definition.nodes),
    ...nodeProblems(subjects, definition, context, options),
    ...checkReplies(subjects, graph.successors),
    ...graph.problems,
  ];
}

const OVER_LIMIT = new Set(['NODES_TOO_MANY', 'EDGES_TOO_MANY', 'DEFINITION_TOO_LARGE']);

/** Ends with the node in which more problems than are listed were found, as long as what is listed blocks. */
function nodeProblems(
  subjects: readonly Subject[],
  definition: WorkflowDefinition,
  context: ParamsContext,
  options: ValidateOptions,
): Problem[] {
  const problems: Problem[] = [];
  for (const subject of subjects) {
    problems.push(...checkNode(subject, definition, context, options));
    if (problems.length > FORMAT.maxProblems && problems.filter(isError).length > FORMAT.maxProblems) break;
  }
  return problems;
}

function isError(found: Problem): boolean {
  return found.severity === 'error';
}

/** The first problems, those that block before the others, and how many more there are. */
function listed(problems: readonly Problem[]): Problem[] {
  const cut = problems.find(({ code }) => code === 'PROBLEMS_CUT');
  const max = FORMAT.maxProblems;
  if (problems.length <= max || (cut && problems.length <= max + 1)) return [...problems];
  const sorted = [...problems.filter(isError), ...problems.filter((found) => !isError(found))].filter((found) => found !== cut);
  const more = sorted.length - max;
  const severity = sorted.some(isError) ? 'error' : 'warning';
  return [...sorted.slice(0, max), problem('PROBLEMS_CUT', { path: '' }, { max, more: `at least ${more}` }, { severity })];
}

function checkNode(subject: Subject, definition: WorkflowDefinition, context: ParamsContext, options: ValidateOptions): Problem[] {
  const values = subject.type === undefined ? [] : checkParams(subject, subject.type, context);
  const broken = new Set(values.filter((found) => found.severity === 'error').map((found) => found.path));
  // What a value means is not judged where the value itself is wrong.
  const meanings = [...checkPolicies(subject, definition), ...checkWebhooks(subject)].filter((found) => !broken.has(found.path));
  return [...checkIdentity(subject, options), ...values, ...meanings];
}

export type CheckResult =
  | { readonly ok: true; readonly definition: WorkflowDefinition; readonly problems: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads and validates untrusted input in one go, so that a file with a broken field still lists its other problems. */
export function checkDefinition(input: unknown, options: ValidateOptions): CheckResult {
  const parsed = parseDefinition(input);
  if (parsed.ok) {
    const problems = listed([...parsed.problems, ...everyProblem(parsed.definition, options)]);
    return hasErrors(problems) ? { ok: false, problems } : { ok: true, definition: parsed.definition, problems };
  }
  if (parsed.partial === undefined) return parsed;
  const { partial } = parsed;
  const further = everyProblem(partial, options).filter((found) => !isConsequence(found, parsed.problems, partial));
  return { ok: false, problems: listed([...parsed.problems, ...further]) };
}

/** Problems that only exist because a part could not be read: at that part or inside it, or about what it connects. */
function isConsequence(found: Problem, causes: readonly Problem[], partial: WorkflowDefinition): boolean {
  const hasUnreadableNode = partial.nodes.some((node) => node.id.startsWith(STAND_IN) || node.type === '' || node.data.name === '');
  if (hasUnreadableNode && ABOUT_OTHER_NODES.has(found.code)) return true;
  if (found.code === 'EDGE_NODE_MISSING' && found.params?.['id'] === STAND_IN) return true;
  return causes.some(
    (cause) =>
      cause.severity === 'error' &&
      (isInside(found.path, cause.path) || (cause.path.includes('.data.') && isInside(cause.path, found.path))),
  );
}

const ABOUT_OTHER_NODES = new Set([
  'EDGE_NODE_MISSING',
  'GROUP_NODE_MISSING',
  'EXPR_NODE_UNKNOWN',
  'EXPR_NODE_NOT_UPSTREAM',
  'NO_TRIGGER',
  'NODE_UNREACHABLE',
  'WEBHOOK_REPLY_MISSING',
  'REPLY_UNUSED',
  'TEST_NODE_MISSING',
]);

function isInside(path: string, outer: string): boolean {
  if (outer === '' || !path.startsWith(outer)) return false;
  const next = path.charAt(outer.length);
  return next === '' || next === '.' || next === '[';
}

function checkWhole(definition: WorkflowDefinition, limits: DefinitionLimits): Problem[] {
  const problems: Problem[] = [];
  const { nodes, edges, settings } = definition;
  problems.push(...checkDeclarations('inputs', definition.inputs));
  problems.push(...checkDeclarations('outputs', definition.outputs));
  problems.push(...checkRunTags(definition));
  problems.push(...checkFlow(definition));
  problems.push(...checkBudget(definition));
  problems.push(...checkTests(definition));
  if (nodes.length > limits.maxNodes)
    problems.push(problem('NODES_TOO_MANY', { path: 'nodes' }, { count: nodes.length, max: limits.maxNodes }));
  if (edges.length > limits.maxEdges)
    problems.push(problem('EDGES_TOO_MANY', { path: 'edges' }, { count: edges.length, max: limits.maxEdges }));
  if (JSON.stringify(definition).length > limits.maxTextLength)
    problems.push(problem('DEFINITION_TOO_LARGE', { path: '' }, { max: limits.maxTextLength, unit: 'characters' }));
  if (settings.timezone !== undefined && !isTimeZone(settings.timezone))
    problems.push(problem('TIMEZONE_UNKNOWN', { path: 'settings.timezone' }, { zone: settings.timezone }));
  return problems;
}

function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    // A RangeError is how Intl says that it does not know the zone.
    return false;
  }
}

function checkIdentity(subject: Subject, options: ValidateOptions): Problem[] {
  const { node, path } = subject;
  const problems: Problem[] = [];
  if (node.data.name.trim() === '')
    problems.push(problem('NODE_NAME_MISSING', { path: `${path}.data.name`, nodeId: node.id }, { id: node.id }));
  if (subject.type === undefined) problems.push(unknownType(subject, options));
  return problems;
}

function unknownType(subject: Subject, options: ValidateOptions): Problem {
  const { node, path, name } = subject;
  const known = options.knownTypes ?? [];
  const versions = known.filter((each) => each.type === node.type).map((each) => each.version);
  if (versions.length > 0) {
    const list = versions.sort((a, b) => a - b).join(', ');
    return problem(
      'NODE_VERSION_UNKNOWN',
      { path: `${path}.data.typeVersion`, nodeId: node.id },
      { node: name, type: node.type, version: node.data.typeVersion },
      { hint: `Installed versions: ${list}. Install the plugin version that has version ${node.data.typeVersion}, or change typeVersion.` },
    );
  }
  const near = suggest(
    node.type,
    known.map((each) => each.type),
  );
  const plugin = node.type.slice(0, Math.max(0, node.type.lastIndexOf('/')));
  const isInstalled = known.some((each) => each.type.startsWith(`${plugin}/`));
  let hint: string | undefined;
  if (near !== undefined) hint = `Did you mean "${near}"?`;
  else if (known.length > 0 && plugin !== '' && !isInstalled) hint = `Install the plugin "${plugin}", which is not installed.`;
  else if (isInstalled) hint = `The plugin "${plugin}" is installed, but has no such type. Check the spelling, or upgrade the plugin.`;
  return problem(
    'NODE_TYPE_UNKNOWN',
    { path: `${path}.type`, nodeId: node.id },
    { node: name, type: node.type },
    hint === undefined ? {} : { hint },
  );
}
