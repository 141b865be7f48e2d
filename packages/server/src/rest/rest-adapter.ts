/** Operations as REST: path, query and body become the input, results and problems become answers. */
import Router from '@koa/router';
import type Koa from 'koa';
import { z } from 'zod';
import { type Execute, allowWithoutLooking } from '../operation/execute.ts';
import type { Caller, Operation, RestAlias } from '../operation/operation.ts';
import { OperationProblem } from '../operation/problem.ts';
import type { Registry } from '../operation/registry.ts';
import type { Download } from '../operation/stream.ts';
import { endWithRight } from './end-with-right.ts';
import { sendDownload } from './send-download.ts';

export interface RestOptions {
  readonly registry: Registry;
  readonly execute: Execute;
  /** @throws OperationProblem UNAUTHENTICATED, REQUEST_REFUSED */
  readonly callerOf: (ctx: Koa.Context, operation: Operation) => Promise<Caller>;
  /** The same, looked at again: what was revoked since is over. @throws OperationProblem */
  readonly callerNow: (ctx: Koa.Context, operation: Operation) => Promise<Caller>;
  /** The JSON body; null when there is none. @throws OperationProblem */
  readonly bodyOf: (ctx: Koa.Context) => Promise<unknown>;
}

export function restRouter({ registry, execute, callerOf, callerNow, bodyOf }: RestOptions): Router {
  // Paths are compared as they are: one spelling each.
  const router = new Router({ prefix: '/api', sensitive: true, strict: true });
  for (const { operation, method, path, answer } of addresses(registry)) {
    const { status = 200, statusOf, bodyField } = operation.rest;
    const pathFields = new Set([...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''));
    router.register(path.replaceAll(/\{(\w+)\}/g, ':$1'), [method.toLowerCase()], async (ctx) => {
      const caller = await callerOf(ctx, operation);
      // A body of somebody who may not call at all is not even read.
      allowWithoutLooking(operation, caller);
      const hasQuery = isQueryMethod(method) || operation.stream === 'upload';
      const given = hasQuery ? queryInput(operation.input, ctx.query) : bodyInput(await bodyOf(ctx), bodyField);
      const input: Record<string, unknown> = { ...given };
      for (const field of pathFields) input[field] = ctx.params[field];
      const output = await execute(operation, input, operation.stream === 'upload' ? { ...caller, upload: { request: ctx.req } } : caller);
      if (operation.stream === 'download') {
        await sendDownload(ctx, output as Download);
        return endWithRight(ctx.res, async () => void (await execute(operation, input, await callerNow(ctx, operation))));
      }
      ctx.status = statusOf?.(output) ?? status;
      ctx.type = 'application/json';
      ctx.body = JSON.stringify((answer ? answer.of(output) : output) ?? null);
    });
  }
  return router;
}

interface Address extends RestAlias {
  readonly operation: Operation;
}

/** What stands in a path as it is comes before what stands for anything: `/workflows/import` is no id. */
function addresses(registry: Registry): readonly Address[] {
  const all = registry.all.flatMap((operation): Address[] => {
    const { method, path, alsoAt = [] } = operation.rest;
    return [{ operation, method, path }, ...alsoAt.map((one) => ({ operation, ...one }))];
  });
  const order = ({ path }: Address): string => path.replaceAll(/\{\w+\}/g, '\uffff');
  return all.toSorted((a, b) => (order(a) < order(b) ? -1 : 1));
}

export function isQueryMethod(method: string): boolean {
  return method === 'GET' || method === 'DELETE';
}

function bodyInput(body: unknown, field: string | undefined): Record<string, unknown> {
  if (field !== undefined) return { [field]: body };
  if (body === null) return {};
  if (typeof body === 'object' && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new OperationProblem('INPUT_INVALID', 'The body must be a JSON object');
}

/** Numbers as people write them; what only programs take for one stays a text and is refused. */
const DECIMAL = /^-?\d{1,15}(?:\.\d{1,15})?$/;

/** Query texts as the types their fields have: numbers, booleans, lists. */
function queryInput(schema: z.ZodObject, query: Record<string, string | string[] | undefined>): Record<string, unknown> {
  const input: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    input[name] = typed(Object.hasOwn(schema.shape, name) ? (schema.shape[name] as z.ZodType) : undefined, value);
  }
  return input;
}

function typed(schema: z.ZodType | undefined, value: string | string[]): unknown {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) {
    const element = inner.element as z.ZodType;
    return (Array.isArray(value) ? value : [value]).map((one) => typed(element, one));
  }
  if (Array.isArray(value)) return value;
  if (inner instanceof z.ZodNumber) return DECIMAL.test(value) ? Number(value) : value;
  if (inner instanceof z.ZodBoolean) return value === 'true' ? true : value === 'false' ? false : value;
  return value;
}

function unwrap(schema: z.ZodType | undefined): z.ZodType | undefined {
  let one: unknown = schema;
  while (one instanceof z.ZodOptional || one instanceof z.ZodDefault || one instanceof z.ZodNullable) one = one.unwrap();
  return one as z.ZodType | undefined;
}
