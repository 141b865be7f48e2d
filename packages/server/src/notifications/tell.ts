/** Telling people: one small function for whatever happens in a transaction. The page and e-mail follow by themselves after its commit. */
import { type InstanceTransaction, type WorkspaceTransaction, notify } from '@plugboard/persistence';
import type { JsonObject } from '@plugboard/sdk';
import type { NoticeKind, NoticeParams } from './notices.ts';

export type Notice = {
  readonly [Kind in NoticeKind]: {
    readonly kind: Kind;
    /** Principals; who is no person has no page to read it on. */
    readonly to: readonly string[];
    /** Tells the reason from others of the kind: who was told of it is not told again. */
    readonly about: string;
    readonly params: NoticeParams[Kind];
    /** Of a transaction above the workspaces: the workspace it is about; absent for the server itself. */
    readonly workspaceId?: string;
  };
}[NoticeKind];

/**
 * Tells persons in the transaction at hand: together with what happens, or not at all. Each hears of it as he chose: not at all, on the page,
 * or by e-mail too.
 * @example await tell(tx, { kind: 'approval.asked', to: personIds, about: approvalId, params: { approvalId, title, runId } });
 */
export function tell(tx: WorkspaceTransaction | InstanceTransaction, { kind, to, about, params, workspaceId }: Notice): Promise<void> {
  return notify(tx, {
    principalIds: to,
    kind,
    dedupeKey: `${kind}:${about}`,
    params: params as unknown as JsonObject,
    ...(workspaceId === undefined ? {} : { workspaceId }),
  });
}
