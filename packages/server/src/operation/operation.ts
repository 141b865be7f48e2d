/**
 * What the server can do for a caller, as data: one object per operation. GraphQL, REST, the OpenAPI document, scopes, audit names and
 * the test that enumerates everything are made from it.
 */
import type { CountedLimit, InstanceTransaction, WorkspaceTransaction } from '@plugboard/persistence';
import type { JsonObject } from '@plugboard/sdk';
import type { z } from 'zod';
import type { AccessSet, Actor, Resource } from '../access/access.ts';
import type { Action } from '../access/actions.ts';
import type { ProblemCode } from './problems.ts';
import type { Upload } from './stream.ts';

/** Who calls, from where, and into which workspace. */
export interface Caller {
  readonly actor: Actor;
  readonly access: AccessSet;
  readonly requestId: string;
  readonly ip: string;
  readonly userAgent?: string;
  /** The session of a person who signed in with a browser; absent for keys and the local command line. */
  readonly sessionId?: string;
  /** The key the caller came with. */
  readonly apiKeyId?: string;
  /** The short token the caller came with; it was made for a session or for a key. */
  readonly tokenId?: string;
  /** Makes a repeated request do nothing twice. Up to 255 characters. */
  readonly idempotencyKey?: string;
  /** The body of a call of an operation with `stream: 'upload'`, where the adapter carries streams. */
  readonly upload?: Upload;
  /** Runs in the transaction of a transactional mutation once it is done: what belongs to the act is there with it or not at all. */
  readonly withinTransaction?: (tx: WorkspaceTransaction, output: unknown) => Promise<void>;
  /** Gives the browser the token of a session, or takes it away. Absent where no browser calls. */
  readonly setSession?: (token: string | undefined) => void;
  /** Gives the browser another cookie, by its whole header. Absent where no browser calls. */
  readonly setCookie?: (header: string) => void;
  /** Refuses where others could read a password or a session on its way. @throws OperationProblem CONNECTION_INSECURE */
  readonly demandSafeSignIn?: () => void;
}

/** What the audit log keeps of a mutation besides its name. */
export interface AuditNote {
  readonly kind: string;
  readonly id?: string;
  /** Redacted. */
  readonly payload?: JsonObject;
}

/** One call of one operation. */
export interface OperationContext extends Caller {
  readonly workspaceId: string;
  /** The transaction of a mutation, in which its audit row is written too; each read opens a short one. */
  readonly inTransaction: <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>) => Promise<Result>;
  /** One above the workspaces. For operations of scope `instance` it is the call's own; otherwise each call opens one. */
  readonly inInstance: <Result>(use: (tx: InstanceTransaction) => Promise<Result>) => Promise<Result>;
  /** Runs once the call's transaction has committed: for what the outside learns. Awaited before the answer. */
  readonly afterCommit: (act: () => void | Promise<void>) => void;
  /** Says what the audit log shall name. */
  readonly audit: (note: AuditNote) => void;
  /** Nothing changed: no audit row. */
  readonly noAudit: () => void;
}

export interface RestRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/api`, with `{name}` for fields of the input that stand in the path. */
  readonly path: `/${string}`;
  /** Status of success. @default 200 */
  readonly status?: 200 | 201 | 202;
  /** The field of the input that the whole body is, where it is not an object of fields. */
  readonly bodyField?: string;
  /** Status of this success, where it depends. */
  readonly statusOf?: (output: unknown) => number;
  /** Further addresses of the same operation. */
  readonly alsoAt?: readonly RestAlias[];
}

/** An address beside an operation's own: what is asked, who may and what is done are the same. */
export interface RestAlias {
  readonly method: RestRoute['method'];
  /** Below `/api`; it has the fields of the operation's own path, and no others. */
  readonly path: `/${string}`;
  /** Another shape of the answer. @default that of the operation */
  readonly answer?: AliasAnswer;
}

export interface AliasAnswer {
  readonly output: z.ZodType;
  readonly of: (output: unknown) => unknown;
}

/** @param of the operation's output as the shape of the other address */
export function aliasAnswer<From extends z.ZodType, To extends z.ZodType>(
  from: From,
  output: To,
  of: (output: z.output<From>) => z.input<To>,
): AliasAnswer {
  return { output, of: (given) => output.parse(of(from.parse(given))) };
}

/**
 * Who may call: whoever has the action on the resource; a member of the workspace, for what every member may; a person who signed in,
 * for what is their own in whatever workspace; or everybody, for a reason.
 */
export type Permission<Input> =
  | {
      readonly action: Action;
      /** What the action is asked on; undefined when there is no such thing. */
      readonly on: (ctx: OperationContext, input: Input) => Resource | undefined | Promise<Resource | undefined>;
    }
  | { readonly member: string }
  | { readonly person: string }
  | { readonly public: string };

export interface OperationDefinition<Input extends z.ZodObject, Output extends z.ZodType> {
  /** `<thing>.<verb>`, such as `workflow.publish`: the audit name and the OpenAPI operation. */
  readonly name: `${string}.${string}`;
  /** Name of the GraphQL field. @default the name in camel case */
  readonly field?: string;
  readonly kind: 'query' | 'mutation';
  readonly summary: string;
  readonly permission: Permission<z.output<Input>>;
  readonly input: Input;
  readonly output: Output;
  /** What callers can cause beyond what every operation can answer. */
  readonly problems: readonly ProblemCode[];
  readonly rest: RestRoute;
  /** False for a mutation that must not hold a transaction while it works, such as one that starts a run. @default true */
  readonly transactional?: boolean;
  /** False for a mutation that writes its own audit row, or changes nothing that is kept. @default true */
  readonly audited?: boolean;
  /** `instance` for a mutation above the workspaces: its transaction and its audit row are the instance's. @default 'workspace' */
  readonly scope?: 'workspace' | 'instance';
  /** What a mutation may make more of; refused with ENTITLEMENT_EXCEEDED where the workspace's plan does not allow it. */
  readonly counts?: readonly CountedLimit[];
  /**
   * Bytes beside the fields, which only REST carries. `upload`: the body is handed over unread as `ctx.upload`, and the fields stand in the
   * query. `download`: the output is a `Download`.
   */
  readonly stream?: 'upload' | 'download';
  /** Of an upload that repeats a key: sees that its body is the one of the first. @throws OperationProblem KEY_REUSED */
  readonly demandSame?: (ctx: Caller, first: unknown) => Promise<void>;
  readonly handler: (ctx: OperationContext, input: z.output<Input>) => Promise<z.input<Output>>;
}

/** An operation as the registry keeps it: its parts fit each other, which {@link operation} has checked. */
export interface Operation {
  readonly name: string;
  readonly field: string;
  readonly kind: 'query' | 'mutation';
  readonly summary: string;
  readonly permission: Permission<unknown>;
  readonly input: z.ZodObject;
  readonly output: z.ZodType;
  readonly problems: readonly ProblemCode[];
  readonly rest: RestRoute;
  readonly transactional: boolean;
  readonly audited: boolean;
  readonly scope: 'workspace' | 'instance';
  readonly counts: readonly CountedLimit[];
  readonly stream?: 'upload' | 'download';
  readonly demandSame?: (ctx: Caller, first: unknown) => Promise<void>;
  readonly handler: (ctx: OperationContext, input: unknown) => Promise<unknown>;
}

export function operation<Input extends z.ZodObject, Output extends z.ZodType>(definition: OperationDefinition<Input, Output>): Operation {
  const isMutation = definition.kind === 'mutation';
  const { counts = [] } = definition;
  const problems = counts.length === 0 ? definition.problems : [...new Set([...definition.problems, 'ENTITLEMENT_EXCEEDED' as const])];
  const defaults = { field: camelName(definition.name), transactional: isMutation, audited: isMutation, scope: 'workspace' };
  return { ...defaults, ...definition, counts, problems } as Operation;
}

/** `workflow.publish` as an identifier: `workflowPublish`. */
export function camelName(name: string): string {
  return name.replaceAll(/[.-](\w)/g, (_, letter: string) => letter.toUpperCase());
}
