/** Small valid people and workspaces for tests. */
import { createHash } from 'node:crypto';
import type { Database } from '../src/database.ts';
import { inInstance } from '../src/in-instance.ts';
import type { WorkspaceContext, WorkspaceTransaction } from '../src/in-workspace.ts';
import { inWorkspace } from '../src/in-workspace.ts';
import { addMember } from '../src/people/members.ts';
import { createPerson } from '../src/people/persons.ts';
import type { Role } from '../src/people/roles.ts';
import { createWorkspace } from '../src/people/workspaces.ts';

export const aHash = (text: string): Buffer => createHash('sha256').update(text).digest();

export interface PeopleKit {
  person(name: string): Promise<string>;
  /** With its owner. */
  workspace(slug: string): Promise<{ workspaceId: string; projectId: string; ownerId: string }>;
  member(workspaceId: string, name: string, role: Role): Promise<string>;
  as<Result>(context: WorkspaceContext, use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result>;
}

export function peopleKit(database: Database): PeopleKit {
  const person: PeopleKit['person'] = async (name) => {
    const result = await createPerson(database, { email: `${name.replaceAll(' ', '.')}@example.com`, displayName: name });
    if (result.kind !== 'created') throw new Error(`${name}: ${result.kind}`);
    return result.personId;
  };
  return {
    person,
    async workspace(slug) {
      const ownerId = await person(`owner of ${slug}`);
      const result = await inInstance(database, (tx) => createWorkspace(tx, { slug, name: slug, ownerId, createdBy: ownerId }));
      if (result.kind !== 'created') throw new Error(`${slug}: ${result.kind}`);
      return { workspaceId: result.workspaceId, projectId: result.projectId, ownerId };
    },
    async member(workspaceId, name, role) {
      const principalId = await person(name);
      await addMember(database, { workspaceId, principalId, role, createdBy: principalId });
      return principalId;
    },
    as: (context, use) => inWorkspace(database, context, use),
  };
}
