/** A node's policies against its type: error route, retry, join, credentials, and the ports its parameters name. */
import { compileValue } from '@plugboard/expression';
import { isExpression } from '@plugboard/sdk';
import type { NodeTypeIR, TypeIR } from '@plugboard/sdk';
import { problem } from './problems.ts';
import { joinPath } from './reading.ts';
import { placeOf, severityFor } from './subject.ts';
import type { Subject } from './subject.ts';
import { suggest } from './suggest.ts';
import { ERROR_PORT, dynamicEntries, effectOf, isRepeatable, literalParam } from './type-facts.ts';
import type { Problem, WorkflowDefinition } from './types.ts';

export function checkPolicies(subject: Subject, definition: WorkflowDefinition): Problem[] {
  const { type } = subject;
  if (type === undefined) return [];
  const problems = [...checkCredentials(subject, type), ...checkPortNames(subject, type)];
  if (type.kind === 'trigger') return [...problems, ...checkTrigger(subject)];
  return [
    ...problems,
    ...checkErrorRoute(subject, definition),
    ...checkRetry(subject, type),
    ...checkSelfCall(subject, type, definition),
    ...checkLimit(subject),
    ...checkJoin(subject, type, definition),
  ];
}

const STEP_POLICIES = ['retry', 'timeoutMs', 'onError', 'concurrency', 'limit'] as const;

function checkTrigger(subject: Subject): Problem[] {
  const given = STEP_POLICIES.filter((policy) => subject.node.data[policy] !== undefined);
  if (given.length === 0) return [];
  return [problem('POLICY_ON_TRIGGER', placeOf(subject, `data.${given[0]}`), { node: subject.name, policies: given.join(', ') })];
}

function checkCredentials(subject: Subject, type: TypeIR): Problem[] {
  const slots = type.credentials ?? [];
  return Object.keys(subject.node.data.credentials ?? {})
    .filter((slot) => !slots.includes(slot))
    .map((slot) => {
      const near = suggest(slot, slots);
      return problem(
        'CREDENTIAL_SLOT_UNKNOWN',
        placeOf(subject, joinPath('data.credentials', slot)),
        { node: subject.name, slot, slots: slots.length === 0 ? 'none' : slots.join(', ') },
        { severity: severityFor(subject, 'error'), ...(near === undefined ? {} : { hint: `Did you mean "${near}"?` }) },
      );
    });
}

function checkErrorRoute(subject: Subject, definition: WorkflowDefinition): Problem[] {
  const { node } = subject;
  if (node.data.onError !== 'route' || node.data.disabled === true) return [];
  const isUsed = definition.edges.some((edge) => edge.source === node.id && edge.sourceHandle === ERROR_PORT);
  return isUsed ? [] : [problem('ERROR_ROUTE_UNUSED', placeOf(subject, 'data.onError'), { node: subject.name })];
}

function checkRetry(subject: Subject, type: NodeTypeIR): Problem[] {
  const attempts = subject.node.data.retry?.maxAttempts ?? 1;
  if (attempts <= 1 || effectOf(type, subject.node) !== 'write' || isRepeatable(type, subject.node)) return [];
  return [problem('RETRY_NOT_REPEATABLE', placeOf(subject, 'data.retry.maxAttempts'), { node: subject.name })];
}

/** A call of its own workflow, which its one run at a time waits for. */
function checkSelfCall(subject: Subject, type: NodeTypeIR, { name: own, settings }: WorkflowDefinition): Problem[] {
  const { node } = subject;
  const concurrency = settings.flow?.concurrency;
  if (type.waits !== 'child' || node.data.disabled === true || concurrency?.limit !== 1 || concurrency.key !== undefined) return [];
  if (literalParam(type, node, 'workflow') !== own || literalParam(type, node, 'answer') === false) return [];
  return [problem('CALL_WAITS_FOR_ITSELF', placeOf(subject, 'data.params.workflow'), { node: subject.name })];
}

function checkLimit(subject: Subject): Problem[] {
  const { limit } = subject.node.data;
  if (!limit) return [];
  const problems: Problem[] = [];
  if (limit.concurrency === undefined && limit.requests === undefined)
    problems.push(problem('LIMIT_EMPTY', placeOf(subject, 'data.limit'), { node: subject.name }));
  for (const { error } of compileValue(limit.key ?? '').problems) {
    const offset = error.position + 1;
    const place = placeOf(subject, 'data.limit.key');
    problems.push(problem('LIMIT_KEY', place, { node: subject.name, position: offset, reason: error.message }, { offset }));
  }
  return problems;
}

function checkJoin(subject: Subject, type: NodeTypeIR, definition: WorkflowDefinition): Problem[] {
  if (type.join === undefined || literalParam(type, subject.node, type.join.policy) !== 'count') return [];
  const count = literalParam(type, subject.node, type.join.count);
  if (typeof count !== 'number') return [];
  const edges = definition.edges.filter((edge) => edge.target === subject.node.id).length;
  if (count <= edges) return [];
  const place = placeOf(subject, `data.params.${type.join.count}`);
  return [problem('JOIN_UNREACHABLE', place, { node: subject.name, count, edges }, { severity: severityFor(subject, 'error') })];
}

/** Ports exist before a run starts, so what names them cannot be computed. */
function checkPortNames(subject: Subject, type: TypeIR): Problem[] {
  const dynamic = type.ports.dynamicOutputs;
  if (dynamic === undefined) return [];
  const severity = severityFor(subject, 'error');
  const problems: Problem[] = [];
  const list = literalParam(type, subject.node, dynamic.param);
  if (isExpression(list))
    problems.push(problem('PORTS_NOT_LITERAL', placeOf(subject, `data.params.${dynamic.param}`), { node: subject.name }, { severity }));
  if (dynamic.fallback && isExpression(literalParam(type, subject.node, dynamic.fallback.param)))
    problems.push(
      problem('PORTS_NOT_LITERAL', placeOf(subject, `data.params.${dynamic.fallback.param}`), { node: subject.name }, { severity }),
    );
  for (const [index, entry] of (dynamicEntries(dynamic, type, subject.node) ?? []).entries()) {
    const place = placeOf(subject, `data.params.${dynamic.param}[${index}].${dynamic.field}`);
    if (entry.expression) problems.push(problem('PORTS_NOT_LITERAL', place, { node: subject.name }, { severity }));
    if (entry.port === undefined) continue;
    if (!/^(?!__proto__$)[A-Za-z0-9_-]{1,64}$/.test(entry.port))
      problems.push(problem('PORT_ID_INVALID', place, { found: entry.port }, { severity }));
    else if (entry.port === ERROR_PORT && subject.node.data.onError === 'route')
      problems.push(problem('PORT_RESERVED', place, { node: subject.name }, { severity }));
  }
  return problems;
}
