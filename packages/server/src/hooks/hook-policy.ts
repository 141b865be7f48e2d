/** What a webhook asks of its callers beyond path and method. One without any of it has no policy, and takes the short way. */
import type { LiveHook } from '@plugboard/persistence';
import type { CredentialPlace } from './hook-auth.ts';
import type { HookAuth, HookCors, HookSettings } from './hook-spec.ts';

export interface HookPolicy {
  readonly place: CredentialPlace;
  readonly auth: HookAuth | undefined;
  readonly cors: HookCors | undefined;
  readonly settings: HookSettings;
}

/** Rows were written from parameters that had passed validation, by this release or one before it. */
export function policyOf(
  hook: Pick<LiveHook, 'auth' | 'cors' | 'settings' | 'workspaceId' | 'workflowId'>,
  draftOf?: string,
): HookPolicy | undefined {
  const settings = hook.settings as HookSettings;
  if (draftOf === undefined && hook.auth === undefined && hook.cors === undefined && Object.keys(settings).length === 0) return undefined;
  const { workspaceId, workflowId } = hook;
  return {
    place: {
      workspaceId,
      workflowId,
      environment: draftOf === undefined ? 1 : 0,
      ...(draftOf === undefined ? {} : { principalId: draftOf }),
    },
    auth: hook.auth as HookAuth | undefined,
    cors: hook.cors as HookCors | undefined,
    settings,
  };
}
