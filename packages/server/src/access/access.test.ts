import { describe, expect, test } from 'vitest';
import { type AccessSet, type Actor, type Resource, decideAccess, visibleTo } from './access.ts';
import { ROLES, type Role } from '@plugboard/persistence';
import { ACTIONS, type Action } from './actions.ts';

const person: Actor = { principalId: 'p1', kind: 'person' };
const workflow: Resource = { kind: 'workflow', id: 'w1', projectId: 'open' };
const secret: Resource = { kind: 'workflow', id: 'w2', projectId: 'closed' };

function anAccess(more: Partial<AccessSet> = {}): AccessSet {
  return {
    workspaceId: 'ws',
    workspaceRole: 'viewer',
    isOperator: false,
    projects: new Map([
      ['open', { visibility: 'workspace', adminEditsOnly: false, role: undefined }],
      ['closed', { visibility: 'members', adminEditsOnly: false, role: undefined }],
    ]),
    grants: new Map(),
    ...more,
  };
}

const onResource = (kind: string): Resource =>
  kind === 'instance'
    ? { kind: 'instance' }
    : kind === 'workspace'
      ? { kind: 'workspace' }
      : kind === 'project'
        ? { kind: 'project', id: 'open' }
        : kind === 'credential'
          ? { kind: 'credential', id: 'c1', projectId: 'open' }
          : kind === 'run'
            ? { kind: 'run', workflowId: 'w1', projectId: 'open' }
            : workflow;

describe('authorization', () => {
  const cases = (Object.keys(ACTIONS) as Action[])
    .filter((action) => ACTIONS[action].on !== 'instance')
    .flatMap((action) => ROLES.map((role) => [action, role] as const));

  test.each(cases)('%s as %s is allowed exactly from the least role on', (action: Action, role: Role) => {
    const decision = decideAccess(person, anAccess({ workspaceRole: role }), action, onResource(ACTIONS[action].on));
    const allowed = ROLES.indexOf(role) >= ROLES.indexOf(ACTIONS[action].role);
    expect(decision).toEqual(allowed ? { kind: 'allowed' } : { kind: 'forbidden', needs: ACTIONS[action].role });
  });

  test('a members-only project is hidden from everyone in the workspace who has no grant, whatever the role', () => {
    for (const role of ROLES)
      expect(decideAccess(person, anAccess({ workspaceRole: role }), 'workflow.read', secret)).toEqual({ kind: 'hidden' });
  });

  test('a grant on one workflow shows that workflow and not its project', () => {
    const access = anAccess({ grants: new Map([['w2', 'editor']]) });
    expect(decideAccess(person, access, 'workflow.edit', secret)).toEqual({ kind: 'allowed' });
    expect(decideAccess(person, access, 'project.read', { kind: 'project', id: 'closed' })).toEqual({ kind: 'hidden' });
    expect(visibleTo(person, access, 'workflow.read')).toEqual({ kind: 'some', projectIds: ['open'], ids: ['w2'] });
  });

  test('the highest role on the path counts', () => {
    const access = anAccess({
      projects: new Map([['open', { visibility: 'workspace', adminEditsOnly: false, role: 'admin' }]]),
      grants: new Map([['w1', 'runner']]),
    });
    expect(decideAccess(person, access, 'workflow.move', workflow)).toEqual({ kind: 'allowed' });
  });

  test('a key may do what its scopes and its principal both allow', () => {
    const key: Actor = { principalId: 'p1', kind: 'service', scopes: new Set<Action>(['workflow.read', 'workflow.publish']) };
    expect(decideAccess(key, anAccess({ workspaceRole: 'editor' }), 'workflow.publish', workflow)).toEqual({ kind: 'allowed' });
    expect(decideAccess(key, anAccess({ workspaceRole: 'editor' }), 'workflow.edit', workflow).kind).toBe('forbidden');
    expect(decideAccess(key, anAccess({ workspaceRole: 'viewer' }), 'workflow.publish', workflow).kind).toBe('forbidden');
    expect(visibleTo(key, anAccess(), 'run.read')).toEqual({ kind: 'some', projectIds: [], ids: [] });
  });

  test('somebody from another workspace sees nothing at all', () => {
    const stranger = anAccess({ workspaceRole: undefined, projects: new Map() });
    for (const action of Object.keys(ACTIONS) as Action[]) {
      const { on } = ACTIONS[action];
      const resource: Resource = on === 'instance' ? { kind: 'instance' } : onResource(on);
      expect(decideAccess(person, stranger, action, resource), action).toEqual({ kind: 'hidden' });
    }
  });

  test('where only admins edit, an editor of the workspace may run and not change', () => {
    const projects = new Map([['open', { visibility: 'workspace', adminEditsOnly: true, role: undefined } as const]]);
    const editor = anAccess({ workspaceRole: 'editor', projects });
    expect(decideAccess(person, editor, 'workflow.edit', workflow)).toEqual({ kind: 'forbidden', needs: 'editor' });
    expect(decideAccess(person, editor, 'workflow.run', workflow)).toEqual({ kind: 'allowed' });
    expect(visibleTo(person, editor, 'workflow.edit')).toEqual({ kind: 'some', projectIds: [], ids: [] });
    expect(decideAccess(person, anAccess({ workspaceRole: 'admin', projects }), 'workflow.edit', workflow)).toEqual({ kind: 'allowed' });
  });

  test('nobody in particular may do nothing', () => {
    const nobody: Actor = { principalId: '', kind: 'anonymous' };
    for (const action of Object.keys(ACTIONS) as Action[])
      expect(
        decideAccess(nobody, anAccess({ workspaceRole: 'owner', isOperator: true }), action, onResource(ACTIONS[action].on)),
        action,
      ).toEqual({ kind: 'hidden' });
  });

  test('running the instance is for operators only, not for owners of a workspace', () => {
    expect(decideAccess(person, anAccess({ workspaceRole: 'owner' }), 'instance.operate', { kind: 'instance' }).kind).toBe('forbidden');
    expect(decideAccess(person, anAccess({ isOperator: true }), 'instance.operate', { kind: 'instance' })).toEqual({ kind: 'allowed' });
  });
});
