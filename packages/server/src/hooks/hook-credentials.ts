/**
 * Credentials of webhooks: what callers prove themselves by. A published webhook uses what was bound when it was published; a draft that is
 * tried, what the person who listens may use now. Whatever is not there gives nothing, so that the caller is refused.
 */
import { type Database, findCredentialByKey, findWorkflow, listBindings, loadAccess } from '@plugboard/persistence';
import { accessSetOf, decideAccess } from '../access/access.ts';
import type { CredentialStore } from '../credentials/credential-store.ts';
import type { CredentialPlace, HookCredentials } from './hook-auth.ts';

export interface HookCredentialsOptions {
  readonly database: Database;
  readonly store: Pick<CredentialStore, 'inWorkspace' | 'read'>;
  readonly systemPrincipalId: string;
}

export function createHookCredentials({ database, store, systemPrincipalId }: HookCredentialsOptions): HookCredentials {
  const bound = ({ workspaceId, workflowId, environment }: CredentialPlace, key: string): Promise<string | undefined> =>
    store.inWorkspace(
      workspaceId,
      async (tx) => (await listBindings(tx, workflowId, environment)).find((one) => one.key === key)?.credentialId,
    );

  const ofPerson = async (
    { workspaceId, workflowId, environment }: CredentialPlace,
    principalId: string,
    key: string,
  ): Promise<string | undefined> => {
    const credential = await store.inWorkspace(workspaceId, async (tx) => {
      const workflow = await findWorkflow(tx, workflowId);
      return workflow && findCredentialByKey(tx, { projectId: workflow.projectId, environment, key });
    });
    if (!credential || principalId === systemPrincipalId) return credential?.id;
    const access = await loadAccess(database, { workspaceId, principalId });
    if (!access) return undefined;
    const resource = { kind: 'credential', id: credential.id, projectId: credential.projectId } as const;
    return decideAccess({ kind: 'person', principalId }, accessSetOf(access), 'credential.use', resource).kind === 'allowed'
      ? credential.id
      : undefined;
  };

  return {
    async fields(place, key) {
      const { principalId } = place;
      const id = principalId === undefined ? await bound(place, key) : await ofPerson(place, principalId, key);
      const opened = id === undefined ? undefined : await store.read(place.workspaceId, id);
      if (!opened) return undefined;
      return Object.fromEntries(
        Object.entries(opened.values).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
      );
    },
  };
}
