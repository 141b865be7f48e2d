/** Sign-ins at other services that are under way: each is finished once, by whoever began it, or runs out. */
import type { InstanceStatements } from '../in-instance.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';

export interface OauthState {
  readonly workspaceId: string;
  readonly credentialId: string;
  readonly principalId: string;
  readonly sessionId: string;
  /** What is needed to finish, sealed by the caller. */
  readonly sealed: Buffer;
}

/** Sign-ins of one credential that may be under way at once; the oldest go. */
const UNDER_WAY = 10;

export async function addOauthState(
  tx: WorkspaceTransaction,
  state: {
    readonly stateHash: Uint8Array;
    readonly credentialId: string;
    readonly sessionId: string;
    readonly sealed: Uint8Array;
    readonly validMs: number;
  },
): Promise<void> {
  const { workspaceId, principalId } = tx.context;
  await tx.query('delete from oauth_state where workspace_id = $1 and expires_at < now()', [workspaceId]);
  await tx.query(
    `delete from oauth_state where workspace_id = $1 and state_hash in (
       select state_hash from oauth_state where workspace_id = $1 and credential_id = $2 order by expires_at desc offset $3)`,
    [workspaceId, state.credentialId, UNDER_WAY - 1],
  );
  await tx.query(
    `insert into oauth_state (state_hash, workspace_id, credential_id, principal_id, session_id, sealed, expires_at)
       values ($1, $2, $3, $4, $5, $6, now() + $7::float8 * interval '1 ms')`,
    [state.stateHash, workspaceId, state.credentialId, principalId, state.sessionId, state.sealed, state.validMs],
  );
}

/** Takes it away, whoever asks: a state is of use once. Undefined when there is none, or its time is over. */
export async function takeOauthState(statements: InstanceStatements, stateHash: Uint8Array): Promise<OauthState | undefined> {
  const [row] = await statements.query<OauthState & { readonly isValid: boolean }>(
    `delete from oauth_state where state_hash = $1
       returning workspace_id as "workspaceId", credential_id as "credentialId", principal_id as "principalId", session_id as "sessionId", sealed,
                 expires_at > now() as "isValid"`,
    [stateHash],
  );
  if (!row?.isValid) return undefined;
  const { isValid: _, ...state } = row;
  return state;
}
