/**
 * The one way an operation is carried out, whatever the adapter: input checked, permission asked, transaction opened, audit written,
 * and a repeated request answered with what the first one got.
 */
import { createHash } from 'node:crypto';
import {
  type Database,
  type WorkspaceTransaction,
  type HeldLimit,
  type InstanceTransaction,
  claimIdempotency,
  exceededLimit,
  finishIdempotency,
  holdLimit,
  inInstance,
  inWorkspace,
  recordAudit,
} from '@plugboard/persistence';
import type { Json } from '@plugboard/sdk';
import { z } from 'zod';
import { inScope } from '../access/access.ts';
import { ACTIONS } from '../access/actions.ts';
import { demand } from './demand.ts';
import type { AuditNote, Caller, Operation, OperationContext } from './operation.ts';
import { OperationProblem, notFound } from './problem.ts';

export type Execute = (operation: Operation, input: unknown, caller: Caller) => Promise<unknown>;

/** What a mutation did, as pages are told: which thing is no longer as they have it. */
export interface Change {
  readonly workspaceId: string;
  readonly kind: string;
  readonly id?: string;
  readonly rev?: number;
}

/** How long the result of a request with an idempotency key is kept, in milliseconds. */
const KEEP_RESULT_MS = 24 * 60 * 60_000;

/** One call: what the handler says about it while it works. */
interface Call {
  readonly base: Omit<OperationContext, 'inTransaction' | 'inInstance'>;
  readonly later: (() => void | Promise<void>)[];
  note: AuditNote | undefined;
  isAudited: boolean;
  isUnchanged: boolean;
}

/** @param onChanged hears of each mutation in a workspace after its commit */
export function createExecute(database: Database, onChanged?: (change: Change) => void): Execute {
  return async (operation, input, given) => {
    allowWithoutLooking(operation, given);
    const parsed = parseInput(operation, input);
    const caller = withKey(given, parsed);
    const call = newCall(operation, caller);
    const scope = { workspaceId: caller.access.workspaceId, principalId: caller.actor.principalId };
    const inTransaction: OperationContext['inTransaction'] = (use) => inWorkspace(database, scope, use);
    const above: OperationContext['inInstance'] = (use) => inInstance(database, use);
    const apart: OperationContext = { ...call.base, inTransaction, inInstance: above };

    let result: unknown;
    if (isOwn(operation)) {
      // Of the person or of nobody: such operations open their own transactions above the workspaces.
      result = await operation.handler(apart, parsed);
      if (call.isAudited) await inInstance(database, (tx) => recordAudit(tx, auditRecord(operation, caller, parsed, call.note)));
    } else if (operation.kind === 'query') {
      await allow(operation, apart, parsed);
      result = await operation.handler(apart, parsed);
    } else if (operation.scope === 'instance') {
      result = await above((tx) =>
        once(tx, operation, caller, parsed, async () => {
          const ctx: OperationContext = { ...call.base, inTransaction, inInstance: (use) => use(tx) };
          await allow(operation, ctx, parsed);
          const done = await operation.handler(ctx, parsed);
          if (call.isAudited) await recordAudit(tx, auditRecord(operation, caller, parsed, call.note));
          return done;
        }),
      );
    } else if (operation.transactional) {
      result = await inTransaction((tx) =>
        once(tx, operation, caller, parsed, async () => {
          const ctx: OperationContext = { ...call.base, inTransaction: (use) => use(tx), inInstance: above };
          await allow(operation, ctx, parsed);
          const held = await holdLimits(tx, operation);
          const done = await operation.handler(ctx, parsed);
          await demandEntitled(tx, scope.workspaceId, held);
          if (call.isAudited) await recordAudit(tx, auditRecord(operation, caller, parsed, call.note));
          await caller.withinTransaction?.(tx, done);
          return done;
        }),
      );
    } else {
      await allow(operation, apart, parsed);
      result = await onceApart(inTransaction, operation, caller, parsed, async () => {
        const done = await operation.handler(apart, parsed);
        if (call.isAudited) await inTransaction((tx) => recordAudit(tx, auditRecord(operation, caller, parsed, call.note)));
        return done;
      });
    }
    for (const act of call.later) await act();
    if (onChanged && operation.kind === 'mutation' && !call.isUnchanged && scope.workspaceId !== '')
      onChanged(changeOf(operation, scope.workspaceId, parsed, call.note, result));
    return operation.output.parse(result);
  };
}

/** @throws OperationProblem INPUT_INVALID naming every wrong field */
function parseInput(operation: Operation, input: unknown): unknown {
  const parsed = operation.input.safeParse(input);
  const tooLarge = parsed.success ? beyondInt(operation.input, parsed.data) : [];
  if (parsed.success && tooLarge.length === 0) return parsed.data;
  const fields = parsed.success ? tooLarge : parsed.error.issues.map((issue) => ({ field: issue.path.join('.'), message: issue.message }));
  const message = fields.map(({ field, message: text }) => (field ? `${field}: ${text}` : text)).join('; ');
  const [first] = fields;
  throw new OperationProblem('INPUT_INVALID', message, { params: { fields }, ...(first?.field ? { path: `input.${first.field}` } : {}) });
}

const MAX_INT = 2 ** 31 - 1;

/** A whole number is one of 32 bits, as GraphQL has it too: the database's columns hold no more. */
function beyondInt({ shape }: z.ZodObject, input: Readonly<Record<string, unknown>>): { field: string; message: string }[] {
  return Object.entries(input)
    .filter(([field, value]) => typeof value === 'number' && Math.abs(value) > MAX_INT && isInt(shape[field]))
    .map(([field]) => ({ field, message: `Too large: a whole number is at most ${MAX_INT}` }));
}

function isInt(schema: unknown): boolean {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable || inner instanceof z.ZodDefault) inner = inner.unwrap();
  return inner instanceof z.ZodNumber && inner.format?.includes('int') === true;
}

/** A client that cannot set a header of its own sends the key as a field. */
function withKey(caller: Caller, input: unknown): Caller {
  const { idempotencyKey } = input as { readonly idempotencyKey?: unknown };
  return typeof idempotencyKey === 'string' ? { ...caller, idempotencyKey } : caller;
}

function newCall(operation: Operation, caller: Caller): Call {
  const later: Call['later'] = [];
  const call: Call = {
    later,
    note: undefined,
    isAudited: operation.audited,
    isUnchanged: false,
    base: {
      ...caller,
      workspaceId: caller.access.workspaceId,
      afterCommit: (act) => void later.push(act),
      audit: (note) => void (call.note = note),
      noAudit: () => {
        call.isAudited = false;
        call.isUnchanged = true;
      },
    },
  };
  return call;
}

function isOwn({ permission }: Operation): boolean {
  return 'public' in permission || 'person' in permission;
}

/**
 * What can be refused before anything is read, so that a refusal tells nothing about what there is.
 * @throws OperationProblem UNAUTHENTICATED, NOT_FOUND, FORBIDDEN
 */
export function allowWithoutLooking({ permission }: Operation, { actor, access, sessionId }: Caller): void {
  if ('public' in permission) return;
  if (actor.kind === 'anonymous') {
    throw new OperationProblem('UNAUTHENTICATED', 'This needs a valid session, API key or token', {
      hint: 'Sign in, or send an API key. The command line finds the local token in server.json in the data folder.',
    });
  }
  if ('person' in permission) {
    if (sessionId === undefined) {
      throw new OperationProblem('FORBIDDEN', 'Only a person who is signed in may do that', {
        hint: 'Keys and tokens have no profile of their own.',
      });
    }
    return;
  }
  const isOperating = 'action' in permission && ACTIONS[permission.action].on === 'instance' && access.isOperator;
  if (actor.kind !== 'system' && access.workspaceRole === undefined && !isOperating)
    throw notFound('There is no such workspace, or you are not a member of it');
  if ('action' in permission && !inScope(actor, permission.action)) {
    throw new OperationProblem('FORBIDDEN', `This key does not have the scope ${permission.action}`, {
      hint: 'Make a key with that scope.',
      params: { action: permission.action },
    });
  }
}

/** @throws OperationProblem NOT_FOUND, FORBIDDEN */
async function allow({ permission }: Operation, ctx: OperationContext, input: unknown): Promise<void> {
  if (!('action' in permission)) return;
  demand(ctx, permission.action, await permission.on(ctx, input));
}

async function holdLimits(tx: WorkspaceTransaction, { counts }: Operation): Promise<HeldLimit[]> {
  const held: HeldLimit[] = [];
  for (const key of counts) {
    const one = await holdLimit(tx, tx.context.workspaceId, key);
    if (one) held.push(one);
  }
  return held;
}

/** After the act, in its transaction: what it made counts. @throws OperationProblem ENTITLEMENT_EXCEEDED */
export async function demandEntitled(
  tx: WorkspaceTransaction | InstanceTransaction,
  workspaceId: string,
  held: readonly HeldLimit[],
): Promise<void> {
  for (const one of held) {
    const exceeded = await exceededLimit(tx, workspaceId, one);
    if (!exceeded) continue;
    throw new OperationProblem('ENTITLEMENT_EXCEEDED', `The plan allows ${exceeded.limit} ${one.key}, and there are ${exceeded.used}`, {
      hint: `Delete some, or ask an operator of the server for a plan with more.`,
      params: { limit: one.key, used: exceeded.used, allowed: exceeded.limit },
    });
  }
}

/** In the transaction of the act: the key, the act and its result are there together or not at all. */
async function once(
  tx: WorkspaceTransaction | InstanceTransaction,
  operation: Operation,
  caller: Caller,
  input: unknown,
  act: () => Promise<unknown>,
): Promise<unknown> {
  if (caller.idempotencyKey === undefined) return act();
  const claim = claimOf(caller, caller.idempotencyKey, operation, input);
  const claimed = await claimIdempotency(tx, claim);
  if (claimed.kind === 'mismatch') throw keyReused();
  if (claimed.kind === 'replay') return claimed.result;
  const result = await act();
  await finishIdempotency(tx, { ...claim, result: asJson(result) });
  return result;
}

/**
 * The act is outside any transaction of ours: the key is taken before it and given its result after it. A process that dies in between
 * leaves a key without a result, and whoever repeats the request is told to look.
 */
async function onceApart(
  inTransaction: OperationContext['inTransaction'],
  operation: Operation,
  caller: Caller,
  input: unknown,
  act: () => Promise<unknown>,
): Promise<unknown> {
  if (caller.idempotencyKey === undefined) return act();
  const claim = claimOf(caller, caller.idempotencyKey, operation, input);
  const claimed = await inTransaction((tx) => claimIdempotency(tx, claim));
  if (claimed.kind === 'mismatch') throw keyReused();
  if (claimed.kind === 'replay') {
    if (claimed.result !== null) {
      await operation.demandSame?.(caller, claimed.result);
      return claimed.result;
    }
    throw new OperationProblem('CONFLICT', 'A request with this key is under way, or broke off before its result was known', {
      hint: 'Look whether it was done, then use a new key.',
    });
  }
  try {
    const result = await act();
    await inTransaction((tx) => finishIdempotency(tx, { ...claim, result: asJson(result) }));
    return result;
  } catch (error) {
    // A refusal did nothing: the same request may be tried again.
    if (error instanceof OperationProblem) {
      await inTransaction((tx) =>
        tx.query('update idempotency set expires_at = now() where principal_id = $1 and key = $2', [claim.principalId, claim.key]),
      );
    }
    throw error;
  }
}

function claimOf(
  { actor, access }: Caller,
  key: string,
  operation: Operation,
  input: unknown,
): { principalId: string; key: string; requestHash: Uint8Array; keepMs: number } {
  const request = JSON.stringify([operation.name, access.workspaceId, input]);
  return { principalId: actor.principalId, key, requestHash: createHash('sha256').update(request).digest(), keepMs: KEEP_RESULT_MS };
}

function keyReused(): OperationProblem {
  return new OperationProblem('KEY_REUSED', 'This idempotency key was used with another request', {
    hint: 'Use a new key for each new request.',
  });
}

/** As it will be read back: without what JSON leaves out. */
function asJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value ?? null)) as Json;
}

function changeOf(operation: Operation, workspaceId: string, input: unknown, note: AuditNote | undefined, result: unknown): Change {
  const kind = note?.kind ?? operation.name.split('.', 1)[0] ?? '';
  const id = note?.id ?? textIn(input, 'id') ?? textIn(input, `${kind}Id`) ?? textIn(result, 'id');
  const rev = fieldOf(result, 'rev');
  return {
    workspaceId,
    kind,
    ...(id === undefined ? {} : { id }),
    ...(typeof rev === 'number' ? { rev } : {}),
  };
}

function textIn(value: unknown, name: string): string | undefined {
  const field = fieldOf(value, name);
  return typeof field === 'string' ? field : undefined;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as { readonly [name: string]: unknown })[name]
    : undefined;
}

function auditRecord(operation: Operation, caller: Caller, input: unknown, note: AuditNote | undefined): Parameters<typeof recordAudit>[1] {
  const { actor, ip } = caller;
  const id = (input as { readonly id?: unknown }).id;
  const resourceId = note ? note.id : typeof id === 'string' ? id : undefined;
  return {
    principalId: actor.principalId,
    actorKind: actor.kind === 'anonymous' ? 'system' : actor.kind,
    action: operation.name,
    resourceKind: note?.kind ?? operation.name.split('.', 1)[0] ?? '',
    ip,
    ...(resourceId === undefined ? {} : { resourceId }),
    ...(note?.payload || caller.apiKeyId
      ? { payload: { ...note?.payload, ...(caller.apiKeyId ? { apiKeyId: caller.apiKeyId } : {}) } }
      : {}),
  };
}
