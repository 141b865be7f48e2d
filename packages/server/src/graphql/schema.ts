/**
 * The GraphQL schema, built from the operations: queries give their result, mutations a union of their result and the problems a caller can
 * cause. Names come from the schemas' ids, so that equal things are one type.
 */
import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import { GraphQLError, type GraphQLSchema } from 'graphql';
import { z } from 'zod';
import type { Execute } from '../operation/execute.ts';
import { type Caller, type Operation, camelName } from '../operation/operation.ts';
import { asProblem } from '../operation/as-problem.ts';
import type { OperationProblem } from '../operation/problem.ts';
import { ALWAYS_OF_MUTATIONS, PROBLEMS, type ProblemCode } from '../operation/problems.ts';
import type { Registry } from '../operation/registry.ts';

export interface GraphqlContext {
  /** @throws OperationProblem UNAUTHENTICATED */
  readonly callerFor: (operation: Operation) => Promise<Caller>;
  /** Notes an unexpected error and gives what the caller may know of it. */
  readonly mask: (error: unknown) => string;
}

interface SchemaTypes {
  Context: GraphqlContext;
  Scalars: { JSON: { Input: unknown; Output: unknown }; DateTime: { Input: string; Output: string } };
}

const LIMITS = { complexity: 5000, depth: 10, breadth: 200 };
/** A list that is asked for without its length counts as one of so many. */
const USUAL_LENGTH = 10;

interface ProblemValue {
  readonly __problem: ProblemCode;
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly path: string | undefined;
  readonly params: unknown;
  readonly problems: unknown;
}

export function graphqlSchema(registry: Registry, execute: Execute): GraphQLSchema {
  const builder = new SchemaBuilder<SchemaTypes>({
    plugins: [ComplexityPlugin],
    complexity: { limit: LIMITS, defaultComplexity: 1, defaultListMultiplier: USUAL_LENGTH },
  });
  builder.scalarType('JSON', { description: 'Any JSON value.', serialize: (value) => value, parseValue: (value) => value });
  builder.scalarType('DateTime', { description: 'An ISO 8601 instant.', serialize: (value) => value, parseValue: String });
  const types = new TypeMaker(builder);
  const problem = problemTypes(builder);

  builder.queryType({
    fields: (t) =>
      Object.fromEntries(
        registry.all
          .filter((one) => one.kind === 'query' && one.stream === undefined)
          .map((one) => [
            one.field,
            t.field({
              description: one.summary,
              ...types.output(one.output, pascal(one.field)),
              args: types.args(t, one),
              complexity: costOfPage,
              resolve: async (_root: unknown, args: object, context: GraphqlContext) => {
                try {
                  return await execute(one, withoutEmpty(one, args), await context.callerFor(one));
                } catch (error) {
                  throw asGraphqlError(error, context);
                }
              },
            } as never),
          ]),
      ) as never,
  });
  builder.mutationType({
    fields: (t) =>
      Object.fromEntries(
        registry.all
          .filter((one) => one.kind === 'mutation' && one.stream === undefined)
          .map((one) => [
            one.field,
            t.field({
              description: one.summary,
              type: resultUnion(builder, types, one, problem),
              nullable: false,
              args: types.args(t, one),
              resolve: async (_root: unknown, args: object, context: GraphqlContext) => {
                try {
                  return { __success: true, value: await execute(one, withoutEmpty(one, args), await context.callerFor(one)) };
                } catch (error) {
                  const known = asProblem(error);
                  // What every operation can meet, such as a server with too much to do, is an error of the request, not a type of each result.
                  if (known && problemsOf(one).includes(known.code)) return problemValue(known);
                  throw asGraphqlError(error, context);
                }
              },
            } as never),
          ]),
      ) as never,
  });
  return builder.toSchema({ sortSchema: true });
}

/** A page of a hundred costs ten times a page of ten. */
function costOfPage({ first, limit }: { readonly first?: unknown; readonly limit?: unknown }): { field: number; multiplier: number } {
  const length = Math.max(Number(first ?? 0), Number(limit ?? 0), USUAL_LENGTH);
  return { field: 1, multiplier: length / USUAL_LENGTH };
}

/** GraphQL has one empty value for a field that is left out and one that is null; a field that cannot be null was left out. */
function withoutEmpty(one: Operation, args: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(args).filter(
      ([name, value]) => value !== null || (one.input.shape[name] as z.ZodType | undefined)?.safeParse(null).success !== false,
    ),
  );
}

function asGraphqlError(error: unknown, context: GraphqlContext): GraphQLError {
  const problem = asProblem(error);
  if (!problem) return new GraphQLError(context.mask(error), { extensions: { code: 'INTERNAL' } });
  const { code, message, details } = problem;
  return new GraphQLError(message, { extensions: { code, ...details } });
}

function problemValue({ code, message, details }: OperationProblem): ProblemValue {
  return { __problem: code, code, message, hint: details.hint, path: details.path, params: details.params, problems: details.problems };
}

type Builder = InstanceType<typeof SchemaBuilder<SchemaTypes>>;
type Ref = ReturnType<Builder['objectRef']>;

/** One object type per problem code, so that a client can match on the type, all with the fields of the interface. */
function problemTypes(builder: Builder): (code: ProblemCode) => Ref {
  const base = builder.interfaceRef<ProblemValue>('Problem').implement({
    description: 'Something the caller can do something about.',
    fields: (t) => ({
      code: t.exposeString('code'),
      message: t.exposeString('message'),
      hint: t.exposeString('hint', { nullable: true }),
      path: t.exposeString('path', { nullable: true }),
      params: t.field({ type: 'JSON', nullable: true, resolve: (value) => value.params }),
      problems: t.field({ type: 'JSON', nullable: true, resolve: (value) => value.problems }),
    }),
  });
  const refs = new Map<ProblemCode, Ref>();
  return (code) => {
    const known = refs.get(code);
    if (known) return known;
    const made = builder.objectRef<ProblemValue>(`${pascal(code.toLowerCase().replaceAll('_', '-'))}Problem`);
    made.implement({
      description: PROBLEMS[code].text,
      interfaces: [base],
      isTypeOf: (value) => (value as ProblemValue).__problem === code,
    });
    refs.set(code, made);
    return made;
  };
}

/** `WorkflowPublishResult`: the success, whose `result` is the operation's output, or one of its problems. */
function resultUnion(builder: Builder, types: TypeMaker, one: Operation, problem: (code: ProblemCode) => Ref) {
  const name = pascal(one.field);
  const success = builder.objectRef<{ readonly __success: true; readonly value: unknown }>(`${name}Success`);
  success.implement({
    isTypeOf: (value) => '__success' in (value as object),
    fields: (t) => ({
      result: t.field({ ...types.output(one.output, name), resolve: (parent: { readonly value: unknown }) => parent.value } as never),
    }),
  });
  const codes = problemsOf(one);
  return builder.unionType(`${name}Result`, {
    types: [success, ...codes.map(problem)] as never,
    resolveType: (value) => ('__success' in (value as object) ? `${name}Success` : problemTypeName((value as ProblemValue).__problem)),
  });
}

function problemsOf(one: Operation): readonly ProblemCode[] {
  return [...new Set([...ALWAYS_OF_MUTATIONS, ...one.problems])];
}

function problemTypeName(code: ProblemCode): string {
  return `${pascal(code.toLowerCase().replaceAll('_', '-'))}Problem`;
}

function pascal(name: string): string {
  const camel = camelName(name);
  return camel.charAt(0).toUpperCase() + camel.slice(1);
}

/** GraphQL types of zod schemas. Objects need an id to be shared; others are named after where they stand. */
class TypeMaker {
  readonly #builder: Builder;
  readonly #made = new Map<string, unknown>();

  constructor(builder: Builder) {
    this.#builder = builder;
  }

  output(schema: z.ZodType, name: string): { type: unknown; nullable: unknown } {
    const { inner, nullable } = strip(schema);
    if (inner instanceof z.ZodArray) {
      const item = strip(inner.element as z.ZodType);
      return { type: [this.#outputType(item.inner, name)], nullable: { list: nullable, items: item.nullable } };
    }
    return { type: this.#outputType(inner, name), nullable };
  }

  args(t: { arg: (options: never) => unknown }, one: Operation): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(one.input.shape).map(([field, schema]) => [
        field,
        t.arg(this.#input(schema as z.ZodType, `${pascal(one.field)}${pascal(field)}`) as never),
      ]),
    );
  }

  #outputType(schema: z.ZodType, name: string): unknown {
    const scalar = scalarOf(schema);
    if (scalar) return scalar;
    if (schema instanceof z.ZodEnum) return this.#enumType(schema, name);
    if (!(schema instanceof z.ZodObject)) return 'JSON';
    const typeName = idOf(schema) ?? name;
    const known = this.#made.get(typeName);
    if (known) return known;
    const ref = this.#builder.objectRef<Record<string, unknown>>(typeName);
    this.#made.set(typeName, ref);
    ref.implement({
      fields: (t) =>
        Object.fromEntries(
          Object.entries(schema.shape).map(([field, part]) => [
            field,
            t.field({
              ...this.output(part as z.ZodType, `${typeName}${pascal(field)}`),
              resolve: (parent: Record<string, unknown>) => parent[field],
            } as never),
          ]),
        ) as never,
    });
    return ref;
  }

  #input(schema: z.ZodType, name: string): { type: unknown; required: unknown } {
    const { inner, nullable } = strip(schema);
    if (inner instanceof z.ZodArray) {
      return { type: [this.#inputType(strip(inner.element as z.ZodType).inner, name)], required: !nullable };
    }
    return { type: this.#inputType(inner, name), required: !nullable };
  }

  #inputType(schema: z.ZodType, name: string): unknown {
    const scalar = scalarOf(schema);
    if (scalar) return scalar;
    if (schema instanceof z.ZodEnum) return this.#enumType(schema, name);
    if (!(schema instanceof z.ZodObject)) return 'JSON';
    const typeName = `${idOf(schema) ?? name}Input`;
    const known = this.#made.get(typeName);
    if (known) return known;
    const ref = this.#builder.inputType(typeName, {
      fields: (t) =>
        Object.fromEntries(
          Object.entries(schema.shape).map(([field, part]) => [
            field,
            t.field(this.#input(part as z.ZodType, `${typeName}${pascal(field)}`) as never),
          ]),
        ) as never,
    });
    this.#made.set(typeName, ref);
    return ref;
  }

  #enumType(schema: z.ZodEnum, name: string): unknown {
    const typeName = idOf(schema) ?? name;
    const known = this.#made.get(typeName);
    if (known) return known;
    const ref = this.#builder.enumType(typeName, { values: schema.options.map(String) });
    this.#made.set(typeName, ref);
    return ref;
  }
}

function idOf(schema: z.ZodType): string | undefined {
  return z.globalRegistry.get(schema)?.id;
}

function scalarOf(schema: z.ZodType): string | undefined {
  if (schema instanceof z.ZodUUID) return 'ID';
  if (schema instanceof z.ZodISODateTime) return 'DateTime';
  if (schema instanceof z.ZodString || schema instanceof z.ZodLiteral || schema instanceof z.ZodStringFormat) return 'String';
  if (schema instanceof z.ZodNumber) return schema.format?.includes('int') ? 'Int' : 'Float';
  if (schema instanceof z.ZodBoolean) return 'Boolean';
  return undefined;
}

/** A schema without what only says that it may be absent. */
function strip(schema: z.ZodType): { readonly inner: z.ZodType; readonly nullable: boolean } {
  let inner: unknown = schema;
  let nullable = false;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable || inner instanceof z.ZodDefault) {
    nullable = true;
    inner = inner.unwrap();
  }
  return { inner: inner as z.ZodType, nullable };
}
