/**
 * Webhook triggers: their `path`, `method`, `moreMethods` and `reply` are part of the extension point, so their meaning is checked here for
 * any plugin.
 * That a parameter has the right type is checked with the other parameters.
 */
import type { Json, TypeIR } from '@plugboard/sdk';
import { reachableFrom } from './graph.ts';
import type { Successors } from './graph.ts';
import { problem } from './problems.ts';
import { placeOf, severityFor } from './subject.ts';
import type { Subject } from './subject.ts';
import { isLiteralText, literalParam } from './type-facts.ts';
import type { Problem } from './types.ts';

export const WEBHOOK_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export const WEBHOOK_REPLIES = ['immediate', 'last-step', 'respond'] as const;
const METHODS: ReadonlySet<string> = new Set(WEBHOOK_METHODS);
const REPLIES: ReadonlySet<string> = new Set(WEBHOOK_REPLIES);
const MAX_PATH_LENGTH = 200;
/** One method, or several; those of the second come on top. */
const METHOD_PARAMS = ['method', 'moreMethods'] as const;
const PARAM_NAME = /^[A-Za-z_]\w{0,63}$/;

export function checkWebhooks(subject: Subject): Problem[] {
  const { type, node, name } = subject;
  if (!isWebhook(type)) return [];
  const severity = severityFor(subject, 'error');
  const problems: Problem[] = [];
  const path = literalParam(type, node, 'path');
  const pathPlace = placeOf(subject, 'data.params.path');
  if (path === undefined || path === '') {
    problems.push(problem('WEBHOOK_PATH_MISSING', pathPlace, { node: name }, { severity }));
  } else if (isLiteralText(path)) {
    const rule = brokenPathRule(path);
    if (rule !== undefined) problems.push(problem('WEBHOOK_PATH_INVALID', pathPlace, { node: name, path, rule }, { severity }));
  }
  for (const param of METHOD_PARAMS) {
    for (const each of listed(literalParam(type, node, param))) {
      if (!isLiteralText(each) || METHODS.has(each)) continue;
      const upper = each.toUpperCase();
      const hint = METHODS.has(upper) ? { hint: `Did you mean "${upper}"?` } : {};
      problems.push(
        problem('WEBHOOK_METHOD_INVALID', placeOf(subject, `data.params.${param}`), { node: name, method: each }, { severity, ...hint }),
      );
    }
  }
  const reply = literalParam(type, node, 'reply');
  if (isLiteralText(reply) && !REPLIES.has(reply))
    problems.push(problem('WEBHOOK_REPLY_INVALID', placeOf(subject, 'data.params.reply'), { node: name, reply }, { severity }));
  return problems;
}

/** What concerns several nodes: equal routes, and replies that nobody gives or nobody waits for. */
export function checkReplies(subjects: readonly Subject[], successors: Successors): Problem[] {
  const problems: Problem[] = [];
  const routes = new Map<string, Subject>();
  const answered = new Uint8Array(subjects.length);
  for (const subject of subjects) {
    const { type, node, name } = subject;
    if (!isWebhook(type) || node.data.disabled === true) continue;
    const path = literalParam(type, node, 'path');
    for (const each of METHOD_PARAMS.flatMap((param) => listed(literalParam(type, node, param)))) {
      if (!isLiteralText(path) || !isLiteralText(each)) continue;
      const route = `${each} ${normalisePath(path)}`;
      const before = routes.get(route);
      if (before === undefined) routes.set(route, subject);
      else if (before !== subject)
        problems.push(
          problem('WEBHOOK_PATH_DUPLICATE', placeOf(subject, 'data.params.path'), { node: name, method: each, path, other: before.name }),
        );
    }
    if (literalParam(type, node, 'reply') !== 'respond') continue;
    const after = reachableFrom(successors, successors[subject.index] ?? []);
    const following = subjects.filter((each) => after[each.index] && each.node.data.disabled !== true);
    for (const each of following) answered[each.index] = 1;
    // A type that is not installed may be the one that replies.
    const mayReply = following.some((each) => each.type === undefined || (each.type.kind === 'node' && each.type.replies === true));
    if (!mayReply) problems.push(problem('WEBHOOK_REPLY_MISSING', placeOf(subject, 'data.params.reply'), { node: name }));
  }
  const mayHaveUnknownTrigger = subjects.some((each) => each.type === undefined);
  for (const subject of subjects) {
    const { type, node } = subject;
    if (type?.kind !== 'node' || type.replies !== true || node.data.disabled === true) continue;
    if (!answered[subject.index] && !mayHaveUnknownTrigger)
      problems.push(problem('REPLY_UNUSED', { path: subject.path, nodeId: node.id }, { node: subject.name }));
  }
  return problems;
}

/** Two paths that differ only in the names of their parameters answer the same requests. */
export function normalisePath(path: string): string {
  return path
    .split('/')
    .map((segment) => (segment.startsWith(':') ? '*' : segment.startsWith('*') ? '**' : segment))
    .join('/');
}

/** Which rule a path breaks, as the end of a sentence; undefined when it can be served. */
export function brokenPathRule(path: string): string | undefined {
  if (path.length > MAX_PATH_LENGTH) return `is longer than ${MAX_PATH_LENGTH} characters`;
  if (path.startsWith('/')) return 'begins with a slash; leave it out';
  if (path.endsWith('/')) return 'ends with a slash; leave it out';
  const names = new Set<string>();
  const segments = path.split('/');
  for (const [i, segment] of segments.entries()) {
    if (segment === '') return 'has an empty segment';
    if (segment === '.' || segment === '..') return `has the segment "${segment}"`;
    if (segment.startsWith(':') || segment.startsWith('*')) {
      const name = segment.slice(1);
      if (!PARAM_NAME.test(name) || name === '__proto__')
        return `has the parameter "${segment}", whose name is not made of letters, digits and _`;
      if (names.has(name)) return `has the parameter "${segment}" twice`;
      if (segment.startsWith('*') && i < segments.length - 1) return `has "${segment}" before its end, which takes all that follows`;
      names.add(name);
    } else if (!/^[A-Za-z0-9._~-]+$/.test(segment))
      return `has the segment "${segment}", which holds other characters than A-Z a-z 0-9 . _ ~ -`;
  }
  return undefined;
}

function listed(value: Json | undefined): readonly (Json | undefined)[] {
  return Array.isArray(value) ? value : [value];
}

function isWebhook(type: TypeIR | undefined): type is Extract<TypeIR, { kind: 'trigger' }> {
  return type?.kind === 'trigger' && type.trigger === 'webhook';
}
