/**
 * Every operation, called by everybody, in every way: exactly who the table of permissions names gets through, everybody else gets the
 * same refusal by each adapter, and whoever is not of the workspace learns nothing.
 *
 * A new operation needs one line in INPUTS: an input that would work, so that only permission decides. Things that a call uses up are made
 * anew for each call (`newWorkflow()`), others are shared (`workflowId`). Who gets through is taken from the operation's own `permission`
 * and from the table of actions; where its handler refuses for a further reason, that stands in EXCEPTIONS with the reason.
 */
import { Readable } from 'node:stream';
import { type GraphQLField, type GraphQLSchema, getNamedType, isLeafType, isUnionType } from 'graphql';
import {
  addTeamMember,
  createFolder,
  createCredential,
  createInvitation,
  createJob,
  createProject,
  createSavedView,
  createService,
  createTag,
  createTeam,
  createWorkflow,
  deleteProject,
  deleteWorkflow,
  inWorkspace,
  openApproval,
  setRoleGrant,
  setVariable,
  uuidv7,
} from '@plugboard/persistence';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACTIONS, type Action, covers } from '../access/actions.ts';
import { graphqlSchema } from '../graphql/schema.ts';
import { createLiveRights } from '../live/live-rights.ts';
import { semanticHash } from '../workflows/definitions.ts';
import { type Answer, type ApiKit, type TestCaller, aDefinition, openApiKit } from './api.test-kit.ts';
import { NO_ACCESS } from '../access/access.ts';
import { type Who, everyone } from './callers.test-kit.ts';
import type { Caller, Operation } from './operation.ts';
import { OperationProblem } from './problem.ts';

let kit: ApiKit;
let schema: GraphQLSchema;
let workflowId: string;
let runId: string;
let fileId: string;
let count = 0;
const unique = (): string => `thing ${(count += 1)}`;
const asSystem = <Result>(use: Parameters<typeof inWorkspace<Result>>[2]): Promise<Result> =>
  inWorkspace(kit.database.database, { workspaceId: kit.workspace.id, principalId: kit.system.principalId }, use);

const newWorkflow = (): Promise<string> =>
  asSystem(async (tx) => {
    const definition = aDefinition(unique(), unique().replace(' ', '-')) as never;
    const made = await createWorkflow(tx, { projectId: kit.workspace.projectId, definition, semanticHash: semanticHash(definition) });
    return made.kind === 'created' ? made.workflow.id : '';
  });
const testedWorkflow = (): Promise<string> =>
  asSystem(async (tx) => {
    const tests = [{ id: 'kept', name: 'Kept', input: [{}], expect: [] }];
    const definition = { ...aDefinition(unique(), unique().replace(' ', '-')), tests } as never;
    const made = await createWorkflow(tx, { projectId: kit.workspace.projectId, definition, semanticHash: semanticHash(definition) });
    return made.kind === 'created' ? made.workflow.id : '';
  });
const deleted = async (): Promise<string> => {
  const id = await newWorkflow();
  await asSystem((tx) => deleteWorkflow(tx, id));
  return id;
};
const newFolder = (): Promise<string> =>
  asSystem(async (tx) => {
    const made = await createFolder(tx, { projectId: kit.workspace.projectId, name: unique() });
    return made.kind === 'created' ? made.folderId : '';
  });
/** Of whoever asks, and of a kind that nobody carries out here, so that it stays open. */
const newApproval = async (): Promise<string> => {
  const { id } = await asSystem((tx) =>
    openApproval(tx, {
      runId,
      place: unique(),
      workflowId,
      nodeId: 'ask',
      title: 'Pay?',
      request: { fields: [] },
      persons: [],
      roles: ['viewer'],
      teams: [],
      needed: 1,
      requesterMay: true,
      byLink: false,
    }),
  );
  return id;
};

const newJob = async (by: TestCaller): Promise<string> => {
  const actor = by.principalId || kit.system.principalId;
  const jobId = await asSystem((tx) =>
    createJob(tx, {
      workspaceId: kit.workspace.id,
      kind: 'bulk',
      actor,
      params: { kind: 'workflow', operation: 'workflow.delete', input: {}, ids: [], by: { kind: 'system', ip: '' } },
    }),
  );
  await kit.database.database.query(
    `update job set state = 'running', lease_by = id, lease_until = now() + interval '1 hour' where id = $1`,
    [jobId],
  );
  return jobId;
};
/** One that has written its file. */
const newExport = async (by: TestCaller): Promise<string> => {
  const actor = by.principalId || kit.system.principalId;
  const owner = { workspaceId: kit.workspace.id, principalId: actor, isPrivate: true };
  const file = await kit.files.save(owner, Readable.from([Buffer.from('{}\n')]), { name: 'runs.ndjson' });
  return asSystem(async (tx) => {
    const jobId = await createJob(tx, {
      workspaceId: kit.workspace.id,
      kind: 'run-export',
      actor,
      params: { kind: 'run', operation: 'run.export', input: {}, ids: [], withData: false, by: { kind: 'system', ip: '' } },
    });
    const report = { file: { id: file.id, name: file.name, sizeBytes: file.size, expiresAt: new Date().toISOString() } };
    await tx.query(`update job set state = 'succeeded', ended_at = now(), report = $2 where id = $1`, [jobId, JSON.stringify(report)]);
    return jobId;
  });
};
/** A workflow whose draft begins with a schedule. */
let timed: Promise<string> | undefined;
const newTimed = async (): Promise<string> => {
  const start = {
    id: 'start',
    type: 'core/schedule',
    position: { x: 0, y: 0 },
    data: { name: 'start', typeVersion: 1, params: { cron: '0 8 * * *' } },
  };
  const made = await kit.rest(kit.system, 'POST', '/workflows/import', {
    definition: { schema: 1, name: unique(), nodes: [start], edges: [] },
  });
  return made.json.workflowId;
};
/** Of the shared workflow, as if its trigger were one that goes by time. */
const newTimetable = async (kind: 'schedule' | 'poll'): Promise<string> => {
  const own = kind === 'schedule' ? `'{"cron":["0 0 1 1 *"]}', 'UTC', 'skip', 'allow'` : `60000, '', now() + interval '1 day'`;
  const columns = kind === 'schedule' ? 'spec, zone, missed, overlap' : 'every_ms, basis, next_at';
  const [row] = await kit.database.database.query<{ id: string }>(
    `insert into ${kind} (id, workspace_id, workflow_id, environment, node_id, node_name, version, ${columns})
       values (gen_random_uuid(), $1, $2, 1, 'hook', 'hook', 1, ${own})
     on conflict (workflow_id, environment, node_id) do update set version = 1 returning id`,
    [kit.workspace.id, workflowId],
  );
  return row?.id ?? '';
};
const newTag = (): Promise<string> => asSystem(async (tx) => (await createTag(tx, { name: unique() })).tagId);
const newCredential = (): Promise<string> =>
  asSystem(async (tx) => {
    const key = unique().replace(' ', '-');
    const made = await createCredential(tx, {
      projectId: kit.workspace.projectId,
      key,
      name: key,
      type: 'core/bearer',
      allowedHosts: ['a.example'],
      publicData: {},
    });
    return made.kind === 'created' ? made.credentialId : '';
  });
const newVariable = (): Promise<string> =>
  asSystem(async (tx) => {
    const key = unique().replace(' ', '_');
    await setVariable(tx, { projectId: kit.workspace.projectId, environment: 1, key, value: 1 });
    return key;
  });
const newMember = async (): Promise<string> => (await kit.person('viewer')).principalId;
const newFile = async (): Promise<string> =>
  (await kit.files.save({ workspaceId: kit.workspace.id }, Readable.from([Buffer.from(unique())]), { name: 'x.txt' })).id;
const newPerson = async (): Promise<string> => (await kit.person(undefined)).principalId;
const newTeam = (): Promise<string> =>
  asSystem(async (tx) => {
    const made = await createTeam(tx, { name: unique() });
    return made.kind === 'created' ? made.teamId : '';
  });
const newTeamMember = async (): Promise<object> => {
  const [id, principalId] = [await newTeam(), await newMember()];
  await asSystem((tx) => addTeamMember(tx, id, principalId));
  return { id, principalId };
};
const newService = (): Promise<string> => asSystem((tx) => createService(tx, { displayName: unique(), role: 'viewer' }));
const newProject = (): Promise<string> =>
  asSystem(async (tx) => {
    const made = await createProject(tx, { slug: unique().replace(' ', '-'), name: 'x' });
    return made.kind === 'created' ? made.projectId : '';
  });
const deletedProject = async (): Promise<string> => {
  const id = await newProject();
  await asSystem((tx) => deleteProject(tx, id));
  return id;
};
const newGrant = async (): Promise<object> => {
  const [subject, resource] = [
    { kind: 'principal', id: await newMember() },
    { kind: 'workflow', id: workflowId },
  ] as const;
  await asSystem((tx) => setRoleGrant(tx, { subject, resource, role: 'viewer' }));
  return { subjectKind: 'principal', subjectId: subject.id, resourceKind: 'workflow', resourceId: workflowId };
};
const newInvitation = (): Promise<string> =>
  asSystem((tx) =>
    createInvitation(tx, {
      email: `${unique().replace(' ', '')}@example.com`,
      role: 'viewer',
      tokenHash: crypto.getRandomValues(new Uint8Array(32)),
      validMs: 60_000,
    }),
  );

/** An input of each operation that would work, made anew for each call where the call uses it up. */
const INPUTS: Readonly<Record<string, (by: TestCaller) => object | Promise<object>>> = {
  'session.get': () => ({}),
  'instance.setUp': () => ({ token: 'x', name: 'x', email: 'x@example.com', password: 'x' }),
  'session.signIn': () => ({ email: `${unique()}@example.com`, password: 'x' }),
  'session.signOut': () => ({}),
  'session.list': () => ({}),
  'session.revoke': () => ({ id: crypto.randomUUID() }),
  'session.token': () => ({ audience: 'live' }),
  'person.profile': () => ({}),
  'person.update': () => ({ zone: 'Europe/Berlin' }),
  'person.export': () => ({}),
  'person.requestPasswordReset': () => ({ email: 'nobody@example.com' }),
  'person.resetPassword': () => ({ token: 'x', password: 'five words in a row here' }),
  'person.list': () => ({}),
  'person.disable': async () => ({ id: await newPerson() }),
  'person.enable': async () => ({ id: await newPerson() }),
  'person.erase': async () => ({ id: await newPerson() }),
  'person.exportFor': async () => ({ id: await newPerson() }),
  'person.makeResetLink': async () => ({ id: await newPerson() }),
  'person.setOperator': async () => ({ id: await newPerson(), isOperator: false }),
  'identityProvider.list': () => ({}),
  'identityProvider.save': () => ({ key: unique().replace(' ', '-'), title: 'x', issuer: 'https://example.com', clientId: 'x' }),
  'identityProvider.delete': () => ({ id: crypto.randomUUID() }),
  'identity.list': () => ({}),
  'identity.beginLink': () => ({ provider: 'none' }),
  'identity.unlink': () => ({ issuer: 'https://example.com', subject: 'x' }),
  'notification.list': () => ({}),
  'notification.count': () => ({}),
  'notification.markRead': () => ({}),
  'workspace.get': () => ({}),
  'workspace.update': () => ({ name: 'Default' }),
  'workspace.limits': () => ({}),
  'workspace.leave': () => ({}),
  'workspace.list': () => ({}),
  'workspace.create': () => ({ slug: unique().replace(' ', '-'), name: 'x' }),
  'workspace.delete': () => ({ id: crypto.randomUUID() }),
  'workspace.restore': () => ({ id: crypto.randomUUID() }),
  'workspace.setPlan': () => ({ id: kit.workspace.id, plan: 'unlimited' }),
  'plan.list': () => ({}),
  'plan.save': () => ({ key: 'small', name: 'Small', limits: { workflows: 5 } }),
  'instance.audit': () => ({}),
  'team.list': () => ({}),
  'team.get': async () => ({ id: await newTeam() }),
  'team.create': () => ({ name: unique() }),
  'team.update': async () => ({ id: await newTeam(), description: 'x' }),
  'team.delete': async () => ({ id: await newTeam() }),
  'team.addMember': async () => ({ id: await newTeam(), principalId: await newMember() }),
  'team.removeMember': async () => newTeamMember(),
  'service.create': () => ({ name: 'x', role: 'viewer' }),
  'service.rename': async () => ({ id: await newService(), name: unique() }),
  'service.createKey': async () => ({ id: await newService(), name: 'x', scopes: ['workflow.read'] }),
  'project.list': () => ({}),
  'project.get': () => ({ id: kit.workspace.projectId }),
  'project.create': () => ({ name: 'x', slug: unique().replace(' ', '-') }),
  'project.update': async () => ({ id: await newProject(), name: 'y' }),
  'project.delete': async () => ({ id: await newProject() }),
  'project.listDeleted': () => ({}),
  'project.restore': async () => ({ id: await deletedProject() }),
  'grant.list': () => ({ resourceKind: 'workflow', resourceId: workflowId }),
  'grant.set': async () => ({ ...(await newGrant()), role: 'viewer' }),
  'grant.remove': () => newGrant(),
  'access.explain': () => ({ resourceKind: 'project', resourceId: kit.workspace.projectId }),
  'workflow.move': async () => ({ id: await newWorkflow(), projectId: await newProject() }),
  'person.changePassword': () => ({ current: 'x', next: 'five words in a row here' }),
  'person.offerTotp': () => ({}),
  'person.confirmTotp': () => ({ code: '123456' }),
  'person.disableTotp': () => ({ password: 'x' }),
  'invitation.look': () => ({ token: 'x' }),
  'invitation.accept': () => ({ token: 'x', name: 'x', password: 'five words in a row here' }),
  'workflow.overview': () => ({}),
  'workflow.counts': () => ({}),
  'workflow.list': () => ({}),
  'workflow.get': () => ({ id: workflowId }),
  'workflow.callable': () => ({ workflow: workflowId }),
  'workflow.versions': () => ({ workflowId }),
  'workflow.validate': () => ({ definition: {} }),
  'node.validate': () => ({ type: 'core/set' }),
  'node.validateConnections': () => ({ nodes: [], edges: [] }),
  'workflow.create': () => ({ name: unique() }),
  'workflow.import': () => ({ definition: aDefinition(unique(), unique().replace(' ', '-')), publish: true }),
  'workflow.export': () => ({ name: 'Shared' }),
  'workflow.publish': async () => ({ id: await newWorkflow(), expectedRev: 1 }),
  'workflow.delete': async () => ({ id: await newWorkflow() }),
  'workflow.restore': async () => ({ id: await deleted() }),
  'workflow.search': () => ({ text: 'Shared' }),
  'workflow.places': () => ({}),
  'workflow.update': async () => ({ id: await newWorkflow(), description: 'x' }),
  'workflow.duplicate': () => ({ id: workflowId, name: unique() }),
  'workflow.moveToFolder': async () => ({ id: await newWorkflow() }),
  'workflow.setTags': async () => ({ id: await newWorkflow(), tagIds: [] }),
  'workflow.star': () => ({ id: workflowId }),
  'workflow.unstar': () => ({ id: workflowId }),
  'workflow.exportMany': () => ({}),
  'workflow.importMany': () => ({ workflows: [aDefinition(unique(), unique().replace(' ', '-'))] }),
  'workflow.version': () => ({ workflowId, number: 1 }),
  'workflow.diff': () => ({ workflowId, from: 'live' }),
  'workflow.restoreVersion': () => ({ workflowId, number: 1, expectedRev: 1 }),
  'workflow.deployment': () => ({ id: workflowId }),
  'workflow.unpublish': async () => ({ id: await newWorkflow() }),
  'workflow.pause': async () => ({ id: await newWorkflow() }),
  'workflow.resume': async () => ({ id: await newWorkflow() }),
  'trash.list': () => ({}),
  'trash.purge': async () => ({ id: await deleted() }),
  'folder.list': () => ({}),
  'folder.create': () => ({ projectId: kit.workspace.projectId, name: unique() }),
  'folder.update': async () => ({ id: await newFolder(), name: unique() }),
  'folder.delete': async () => ({ id: await newFolder() }),
  'approval.list': () => ({}),
  'approval.counts': () => ({}),
  'approval.get': async () => ({ id: await newApproval() }),
  'approval.decide': async () => ({ id: await newApproval(), decision: 'approve' }),
  'tag.list': () => ({}),
  'tag.create': () => ({ name: unique() }),
  'tag.update': async () => ({ id: await newTag(), name: unique() }),
  'tag.merge': async () => ({ id: await newTag(), intoId: await newTag() }),
  'tag.delete': async () => ({ id: await newTag() }),
  'bulk.workflows': () => ({ act: 'delete', ids: [crypto.randomUUID()] }),
  'run.export': () => ({ ids: [crypto.randomUUID()] }),
  'job.file': async (by) => ({ id: await newExport(by) }),
  'bulk.runs': () => ({ act: 'cancel', ids: [crypto.randomUUID()] }),
  'job.list': () => ({}),
  'job.get': async (by) => ({ id: await newJob(by) }),
  'job.items': async (by) => ({ id: await newJob(by) }),
  'job.cancel': async (by) => ({ id: await newJob(by) }),
  'pin.list': () => ({ workflowId }),
  'pin.get': async () => {
    await kit.rest(kit.system, 'PUT', `/workflows/${workflowId}/pins/say`, { items: [{ json: {} }] });
    return { workflowId, nodeId: 'say' };
  },
  'pin.set': () => ({ workflowId, nodeId: 'hook', items: [{ json: {} }] }),
  'pin.remove': () => ({ workflowId, nodeId: 'hook' }),
  'draft.get': () => ({ workflowId }),
  'draft.since': () => ({ workflowId, rev: 1 }),
  'draft.apply': async (by) => ({
    workflowId: await newWorkflow(),
    baseRev: 1,
    clientId: by.principalId || 'nobody',
    clientSeq: 1,
    ops: [],
  }),
  'draft.undo': async () => ({ workflowId: await newWorkflow(), clientId: 'c', clientSeq: 1 }),
  'draft.redo': async () => ({ workflowId: await newWorkflow(), clientId: 'c', clientSeq: 1 }),
  'draft.save': async () => ({
    workflowId: await newWorkflow(),
    expectedRev: 1,
    definition: aDefinition(unique(), unique().replace(' ', '-')),
  }),
  'draft.hold': async () => ({ workflowId: await newWorkflow() }),
  'draft.takeOver': async () => ({ workflowId: await newWorkflow() }),
  'draft.release': async () => ({ workflowId: await newWorkflow() }),
  'workflow.listen': () => ({ workflowId, nodeId: 'hook' }),
  'workflow.listeners': () => ({ workflowId }),
  'workflow.stopListening': () => ({ workflowId }),
  'run.replayRequest': () => ({ id: runId, source: 'draft' }),
  'poll.list': () => ({}),
  'poll.pause': async () => ({ id: await newTimetable('poll') }),
  'poll.resume': async () => ({ id: await newTimetable('poll') }),
  'poll.now': async () => ({ id: await newTimetable('poll') }),
  'poll.test': async () => ({ workflowId: await (timed ??= newTimed()), nodeId: 'poll' }),
  'schedule.list': () => ({}),
  'schedule.get': async () => ({ id: await newTimetable('schedule') }),
  'schedule.preview': () => ({ cron: ['0 8 * * *'] }),
  'schedule.previewDraft': async () => ({ workflowId: await (timed ??= newTimed()), nodeId: 'start' }),
  'schedule.pause': async () => ({ id: await newTimetable('schedule') }),
  'schedule.resume': async () => ({ id: await newTimetable('schedule') }),
  'schedule.run': async () => ({ id: await newTimetable('schedule') }),
  'schedule.backfill': async () => ({ id: await newTimetable('schedule'), from: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z' }),
  'run.start': () => ({ workflowId, source: 'draft', input: {} }),
  'run.overview': () => ({}),
  'run.list': () => ({}),
  'run.detail': () => ({ id: runId }),
  'run.get': () => ({ id: runId }),
  'run.state': () => ({ id: runId }),
  'run.progress': () => ({ id: runId }),
  'run.steps': () => ({ id: runId }),
  'run.output': () => ({ id: runId }),
  'run.called': () => ({ id: runId }),
  'run.chain': () => ({ id: runId }),
  'run.endChain': () => ({ id: runId }),
  'run.facts': () => ({ id: runId }),
  'run.stepData': () => ({ runId, nodeId: 'say', side: 'output' }),
  'run.stepLog': () => ({ runId, nodeId: 'say' }),
  'run.cancel': () => ({ id: runId }),
  'run.pause': () => ({ id: runId }),
  'run.resume': () => ({ id: runId }),
  'run.resolve': () => ({ id: runId, node: 'say', decision: 'done' }),
  'run.again': () => ({ id: runId }),
  'draft.run': () => ({ workflowId }),
  'test.list': () => ({ workflowId }),
  'test.get': async () => ({ workflowId: await testedWorkflow(), testId: 'kept' }),
  'test.save': () => ({ workflowId, test: { id: 'kept', name: 'Kept', input: [{}], expect: [] } }),
  'test.fromRun': () => ({ workflowId, runId, name: 'As it was' }),
  'test.delete': async () => ({ workflowId: await testedWorkflow(), testId: 'kept' }),
  'test.run': async () => ({ workflowId: await testedWorkflow(), testId: 'kept' }),
  'test.runAll': () => ({ id: workflowId }),
  'test.try': () => ({ definition: aDefinition('Tried', 'tried') }),
  'run.retry': () => ({ id: runId }),
  'run.rerun': () => ({ id: runId, nodeId: 'say' }),
  'run.skip': () => ({ id: runId, nodeId: 'say' }),
  'run.madeFrom': () => ({ id: runId }),
  'run.now': () => ({}),
  'run.statistics': () => ({}),
  'run.tag': () => ({ id: runId, tags: { customer: 'x' } }),
  'run.delete': async () => ({ id: await anotherRun() }),
  'run.eraseData': async () => ({ id: await anotherRun() }),
  'view.list': () => ({ page: 'runs' }),
  'view.create': () => ({ page: 'runs', name: 'x', filter: {} }),
  'view.update': async (by) => ({ id: await viewOf(by), name: 'y' }),
  'view.delete': async (by) => ({ id: await viewOf(by) }),
  'member.list': () => ({}),
  'member.setRole': async () => ({ principalId: await newMember(), role: 'runner' }),
  'member.remove': async () => ({ principalId: await newMember() }),
  'invitation.list': () => ({}),
  'invitation.create': () => ({ email: `${unique().replace(' ', '')}@example.com`, role: 'viewer' }),
  'invitation.revoke': async () => ({ id: await newInvitation() }),
  'apiKey.list': () => ({}),
  'apiKey.scopes': () => ({}),
  'apiKey.create': () => ({ name: 'x', scopes: ['workflow.read'] }),
  'apiKey.revoke': async (by) => ({ id: await keyIdOf(by) }),
  'backup.create': () => ({ passphrase: 'a few words in a row' }),
  'backup.list': () => ({}),
  'instance.heldRuns': () => ({}),
  'instance.releaseHeldRuns': () => ({ decision: 'cancel' }),
  'setting.listOfProject': () => ({ projectId: kit.workspace.projectId }),
  'setting.changeOfProject': () => ({ projectId: kit.workspace.projectId, key: 'webhooks.bodyLimit', value: 4096, expectedRev: 0 }),
  'setting.listOwn': () => ({}),
  'setting.changeOwn': () => ({ key: 'look.theme', value: null, expectedRev: 0 }),
  'setting.listOfWorkflow': () => ({ workflowId }),
  'setting.list': () => ({ level: 'workspace' }),
  'setting.change': () => ({ level: 'workspace', key: 'runs.concurrent', value: 9, expectedRev: 0 }),
  'audit.list': () => ({}),
  'audit.check': () => ({}),
  'catalog.plugins': () => ({}),
  'catalog.types': () => ({}),
  'instance.health': () => ({}),
  'file.upload': () => ({ name: 'x.txt' }),
  'file.content': () => ({ id: fileId }),
  'file.get': () => ({ id: fileId }),
  'file.list': () => ({}),
  'file.delete': async () => ({ id: await newFile() }),
  'find.everything': () => ({ text: 'Shared' }),
  'credential.types': () => ({}),
  'credential.list': () => ({}),
  'credential.get': async () => ({ id: await newCredential() }),
  'credential.create': () => ({
    key: unique().replace(' ', '-'),
    name: 'x',
    type: 'core/bearer',
    data: { token: 'x' },
    allowedHosts: ['a.example'],
  }),
  'credential.update': async () => ({ id: await newCredential(), expectedRev: 1, name: 'y' }),
  'credential.delete': async () => ({ id: await newCredential() }),
  'credential.test': async () => ({ id: await newCredential() }),
  'credential.usedBy': async () => ({ id: await newCredential() }),
  'credential.grantedBy': async () => ({ principalId: await newMember() }),
  'oauth2.start': async () => ({ id: await newCredential() }),
  'variable.list': () => ({}),
  'variable.set': () => ({ key: 'x', value: 1 }),
  'variable.delete': async () => ({ key: await newVariable() }),
  'instance.rotateRootKey': () => ({}),
  'instance.testMail': () => ({ to: 'nobody@example.com' }),
  'instance.renewDataKeys': () => ({}),
};

/** Like the one there is. */
async function anotherRun(): Promise<string> {
  const id = uuidv7();
  await kit.database.database.query(
    `insert into run select (jsonb_populate_record(r, jsonb_build_object('id', $2::text))).* from run r where r.id = $1`,
    [runId, id],
  );
  return id;
}

/** One of whoever asks, because nobody sees another one's. */
async function viewOf(by: TestCaller): Promise<string> {
  if (by.principalId === '') return crypto.randomUUID();
  return inWorkspace(kit.database.database, { workspaceId: kit.workspace.id, principalId: by.principalId }, (tx) =>
    createSavedView(tx, { page: 'runs', name: unique(), filter: {}, isShared: false }),
  );
}

function inputOf(name: string, by: TestCaller): object | Promise<object> {
  const make = INPUTS[name];
  if (!make) throw new Error(`${name} has no input here`);
  return make(by);
}

/** The key of whoever asks, so that even the weakest finds something to revoke. */
async function keyIdOf(by: TestCaller): Promise<string> {
  if (by.principalId === '' || by.principalId === kit.system.principalId) return crypto.randomUUID();
  const member = await kit.database.database.query('select from member where workspace_id = $1 and principal_id = $2', [
    kit.workspace.id,
    by.principalId,
  ]);
  if (member.length === 0) return crypto.randomUUID();
  return (await (await kit.apiKey({ ...by, workspaceSlug: 'default' })).caller()).apiKeyId ?? '';
}

type Outcome = 'through' | 'UNAUTHENTICATED' | 'FORBIDDEN' | 'NOT_FOUND';

function outcomeOf(code: string | undefined): Outcome {
  return code === 'UNAUTHENTICATED' || code === 'FORBIDDEN' || code === 'NOT_FOUND' ? code : 'through';
}

type Call = (operation: Operation, input: object, by: TestCaller) => Promise<Outcome>;

const ADAPTERS: { readonly [name: string]: Call } = {
  REST: byRest,
  async GraphQL(operation, input, by) {
    const answer = await graphqlCall(operation, input, by);
    // Whoever comes with a key that is none is refused before the document is looked at.
    if (answer.json?.error) return outcomeOf(answer.json.error.code);
    const [error] = answer.json.errors ?? [];
    expect(error?.extensions?.code ?? '', `${operation.name} ${answer.text}`).not.toBe('INTERNAL');
    if (error) {
      expect(error.extensions?.code, answer.text).toBeTypeOf('string');
      return outcomeOf(error.extensions.code);
    }
    return outcomeOf(answer.json.data[operation.field]?.code);
  },
};

async function byRest(operation: Operation, input: object, by: TestCaller): Promise<Outcome> {
  const answer = await restCall(operation, input, by);
  const code: string | undefined = answer.json?.error?.code;
  // What somebody else does not do, such as a mail server, is said with a code of its own.
  if (code === undefined || !operation.problems.includes(code as never))
    expect(answer.status, `${operation.name} ${answer.text} ${JSON.stringify(kit.log.at(-1))}`).toBeLessThan(500);
  return outcomeOf(code);
}

function restCall({ rest }: Operation, input: object, by: TestCaller): Promise<Answer> {
  const left = new Map(Object.entries(input));
  const path = rest.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(left.get(name));
    left.delete(name);
    return encodeURIComponent(value);
  });
  const isQuery = rest.method === 'GET' || rest.method === 'DELETE';
  const query = isQuery ? `?${new URLSearchParams([...left].map(([name, value]) => [name, String(value)]))}` : '';
  const body = isQuery ? undefined : rest.bodyField === undefined ? Object.fromEntries(left) : left.get(rest.bodyField);
  return kit.rest(by, rest.method, `${path}${query}`, body);
}

function graphqlCall(operation: Operation, input: object, by: TestCaller): Promise<Answer> {
  const root = operation.kind === 'query' ? schema.getQueryType() : schema.getMutationType();
  const field: GraphQLField<unknown, unknown> | undefined = root?.getFields()[operation.field];
  if (!field) throw new Error(`no field ${operation.field}`);
  const given = field.args.filter((arg) => arg.name in input);
  const declared = given.map((arg) => `$${arg.name}: ${String(arg.type)}`).join(', ');
  const passed = given.map((arg) => `${arg.name}: $${arg.name}`).join(', ');
  const type = getNamedType(field.type);
  const selection = isLeafType(type) ? '' : isUnionType(type) ? '{ __typename ... on Problem { code } }' : '{ __typename }';
  const args = given.length > 0;
  return kit.graphql(
    by,
    `${operation.kind}${args ? `(${declared})` : ''} { ${operation.field}${args ? `(${passed})` : ''} ${selection} }`,
    input,
  );
}

let everybody: Who[];

/** Where a handler refuses for more than permission. */
const EXCEPTIONS: Readonly<Record<string, (who: Who) => Outcome | undefined>> = {
  // Tokens nobody was given.
  'invitation.look': () => 'NOT_FOUND',
  'invitation.accept': () => 'NOT_FOUND',
  'person.resetPassword': () => 'NOT_FOUND',
  // Things of one's own that are not there.
  'session.revoke': (who) => (who.kind === 'person' ? 'NOT_FOUND' : undefined),
  'identity.beginLink': (who) => (who.kind === 'person' ? 'NOT_FOUND' : undefined),
  'identity.unlink': (who) => (who.kind === 'person' ? 'NOT_FOUND' : undefined),
  'identityProvider.delete': (who) => (operates(who) ? 'NOT_FOUND' : undefined),
  'workspace.delete': (who) => (operates(who) ? 'NOT_FOUND' : undefined),
  'workspace.restore': (who) => (operates(who) ? 'NOT_FOUND' : undefined),
  // Keys are made by people, and the command line is nobody who could have one.
  'apiKey.create': (who) => (who.role !== undefined && who.kind !== 'person' ? 'FORBIDDEN' : undefined),
  'apiKey.revoke': (who) => (who.kind === 'system' ? 'NOT_FOUND' : undefined),
  'service.createKey': (who) => (who.role !== undefined && (who.kind === 'key' || who.kind === 'service') ? 'FORBIDDEN' : undefined),
  // The command line has the local token.
  'session.token': (who) => (who.kind === 'system' ? 'FORBIDDEN' : undefined),
  // The command line is nobody who was asked.
  'approval.decide': (who) => (who.kind === 'system' ? 'FORBIDDEN' : undefined),
  // A machine does not walk away.
  'workspace.leave': (who) => (who.role !== undefined && who.kind !== 'person' ? 'FORBIDDEN' : undefined),
};

/** Operations that leave their caller without what the next call needs. */
const USES_CALLER_UP: ReadonlySet<string> = new Set(['session.signOut', 'workspace.leave']);

const operates = (who: Who): boolean => who.kind === 'system' || who.isOperator === true;

function expected({ permission, name }: Operation, who: Who): Outcome {
  const exception = EXCEPTIONS[name]?.(who);
  if (exception !== undefined) return exception;
  const { kind, role } = who;
  if ('public' in permission) return 'through';
  if (kind === 'nobody') return 'UNAUTHENTICATED';
  if ('person' in permission) return kind === 'person' ? 'through' : 'FORBIDDEN';
  if ('action' in permission && ACTIONS[permission.action].on === 'instance' && operates(who)) return 'through';
  if (role === undefined) return 'NOT_FOUND';
  if ('member' in permission) return 'through';
  const rule = ACTIONS[permission.action];
  return rule.on !== 'instance' && covers(role, rule.role) ? 'through' : 'FORBIDDEN';
}

beforeAll(async () => {
  kit = await openApiKit();
  schema = graphqlSchema(kit.registry, kit.execute);
  await kit.otherWorkspace('elsewhere');
  const imported = await kit.rest(kit.system, 'POST', '/workflows/import', { definition: aDefinition('Shared', 'shared'), publish: true });
  workflowId = imported.json.workflowId;
  runId = (await kit.rest(kit.system, 'POST', '/runs', { workflow: 'Shared' })).json.runId;
  await kit.rest(kit.system, 'GET', `/runs/${runId}/state?waitMs=30000`);
  fileId = await newFile();
  everybody = await everyone(kit, kit.database.database);
});
afterAll(() => kit.close());

describe('every operation for everybody', () => {
  test('S0-094: has an input here, so that none is left out', () => {
    expect(kit.registry.all.map((operation) => operation.name).toSorted()).toEqual(Object.keys(INPUTS).toSorted());
  });

  test.each(Object.keys(INPUTS))(
    '%s lets through exactly who the table names, by every adapter',
    async (name) => {
      const operation = kit.registry.get(name);
      const wrong: string[] = [];
      for (const [adapter, call] of Object.entries(ADAPTERS)) {
        // Bytes beside the fields are carried by REST alone.
        if (operation.stream !== undefined && adapter === 'GraphQL') continue;
        // Keys of a person before the person, with whom they end.
        const callers = USES_CALLER_UP.has(name) ? (await everyone(kit, kit.database.database)).toReversed() : everybody;
        const check = async (who: Who, input: object): Promise<void> => {
          const outcome = await call(operation, input, who.by);
          const due = expected(operation, who);
          if (outcome !== due) wrong.push(`${who.title} by ${adapter}: ${outcome} instead of ${due}`);
        };
        const [passing, refused] = [
          callers.filter((who) => expected(operation, who) === 'through'),
          callers.filter((who) => expected(operation, who) !== 'through'),
        ];
        // Who is refused uses nothing up, so one thing does for all of them, at once.
        const untouched = name === 'apiKey.revoke' ? undefined : refused[0] && (await inputOf(name, refused[0].by));
        await Promise.all(refused.map(async (who) => check(who, untouched ?? (await inputOf(name, who.by)))));
        if (USES_CALLER_UP.has(name)) for (const who of passing) await check(who, await inputOf(name, who.by));
        else await Promise.all(passing.map(async (who) => check(who, await inputOf(name, who.by))));
      }
      expect(wrong).toEqual([]);
    },
    240_000,
  );

  test.each(Object.keys(INPUTS))('%s refuses a key without its scope before it looks at anything', async (name) => {
    const operation = kit.registry.get(name);
    if (!('action' in operation.permission)) return;
    const { action } = operation.permission;
    const others = (Object.keys(ACTIONS) as Action[]).filter((one) => one !== action);
    const key = await kit.apiKey(everybody.find((who) => who.title === 'owner signed in')!.by, others);
    const missing = { id: crypto.randomUUID(), runId: crypto.randomUUID(), workflowId: crypto.randomUUID() };
    const input = await inputOf(name, key);
    const hidden = Object.fromEntries(
      Object.entries(input).map(([field, value]) => [field, field in missing ? missing[field as keyof typeof missing] : value]),
    );
    for (const [adapter, call] of Object.entries(ADAPTERS)) {
      if (operation.stream !== undefined && adapter === 'GraphQL') continue;
      for (const one of [input, hidden]) expect([adapter, await call(operation, one, key)]).toEqual([adapter, 'FORBIDDEN']);
    }
  });
});

/** Every table whose rows belong to a workspace, with its columns of ids. */
async function tenantTables(): Promise<{ readonly name: string; readonly ids: readonly string[] }[]> {
  return kit.database.database.query<{ name: string; ids: string[] }>(
    `select c.relname as name, array_agg(a.attname::text) filter (where a.atttypid = 'uuid'::regtype and a.attname <> 'workspace_id') as ids
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      group by c.relname having bool_or(a.attname = 'workspace_id') order by 1`,
  );
}

/** Ids of everything in a workspace. */
async function idsOf(workspaceId: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const { name, ids } of await tenantTables()) {
    const rows = await kit.database.database.query<{ row: Record<string, unknown> }>(
      `select row_to_json(t) as row from ${name} t where workspace_id = $1`,
      [workspaceId],
    );
    for (const { row } of rows) for (const column of ids ?? []) if (typeof row[column] === 'string') found.add(row[column]);
  }
  // Everybody knows the command line, and outsiders each other, who leave a trace here where they ask.
  found.delete(kit.system.principalId);
  const outsiders = await kit.database.database.query<{ id: string }>(
    'select principal_id as id from member where workspace_id <> $1 and principal_id not in (select principal_id from member where workspace_id = $1)',
    [workspaceId],
  );
  for (const { id } of outsiders) found.delete(id);
  return found;
}

/** A digest of everything in a workspace, by table. */
async function contentOf(workspaceId: string): Promise<object> {
  const digests: Record<string, unknown> = {};
  for (const { name } of await tenantTables()) {
    const [row] = await kit.database.database.query<{ digest: string }>(
      `select md5(coalesce(string_agg(r, '' order by r), '')) as digest from (select row_to_json(t)::text as r from ${name} t where workspace_id = $1) s`,
      [workspaceId],
    );
    digests[name] = row?.digest;
  }
  return digests;
}

/** PostgreSQL's code for a row that a policy refuses. */
const ROW_REFUSED = '42501';

/** An input about things of this workspace that are there already, so that nothing but the call could change them. */
async function inputAboutUs(name: string): Promise<object | undefined> {
  const input = (await INPUTS[name]?.(kit.system)) as Record<string, unknown> | undefined;
  return input && ['id', 'runId', 'workflowId', 'principalId', 'resourceId', 'projectId'].some((field) => field in input)
    ? input
    : undefined;
}

describe('another workspace', () => {
  test('an id from elsewhere is not there, and answers do not differ from those about nothing', async () => {
    const outsider = await kit.person('owner', { in: 'elsewhere' });
    for (const operation of kit.registry.all) {
      const input = (await inputOf(operation.name, outsider)) as Record<string, unknown>;
      const fields = ['id', 'runId', 'workflowId', 'principalId', 'resourceId'].filter((field) => field in input);
      if (fields.length === 0 || !('action' in operation.permission)) continue;
      if (ACTIONS[operation.permission.action].on === 'instance') continue;
      const nowhere = { ...input, ...Object.fromEntries(fields.map((field) => [field, crypto.randomUUID()])) };
      const [here, nothing] = [await restCall(operation, input, outsider), await restCall(operation, nowhere, outsider)];
      expect([operation.name, here.status, here.json.error.code]).toEqual([operation.name, 404, 'NOT_FOUND']);
      const blank = (text: string): string => text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'id');
      expect(blank(here.text), operation.name).toBe(blank(nothing.text));
    }
  }, 240_000);

  test('no list, count or search of another workspace names anything of this one', async () => {
    const ours = await idsOf(kit.workspace.id);
    expect(ours.size).toBeGreaterThan(50);
    const outsider = await kit.person('owner', { in: 'elsewhere' });
    for (const by of [outsider, await kit.apiKey(outsider)]) {
      for (const operation of kit.registry.all) {
        if (operation.kind !== 'query' || 'person' in operation.permission || 'public' in operation.permission) continue;
        if (!operation.input.safeParse({}).success && !('text' in operation.input.shape)) continue;
        for (const input of [{}, { first: 100 }, { search: 'Shared' }, { text: 'Shared' }, { limit: 100 }]) {
          if (!operation.input.safeParse(input).success) continue;
          const { status, text } = await restCall(operation, input, by);
          expect(status, `${operation.name} ${text}`).toBeLessThan(500);
          const leaked = (text.match(/[0-9a-f]{8}-[0-9a-f-]{27}/g) ?? []).filter((one) => ours.has(one));
          expect([operation.name, leaked]).toEqual([operation.name, []]);
          expect([operation.name, text.includes('CANARY')]).toEqual([operation.name, false]);
        }
      }
    }
    expect((await kit.rest(outsider, 'GET', '/workflows/counts')).json).toEqual({ all: 0, live: 0, drafts: 0, attention: 0, projects: 1 });
  }, 240_000);

  test('without any authorization row-level security still hides it, and lets nothing in it be changed', async () => {
    const there = await kit.database.database.query<{ id: string }>(`select id from workspace where slug = 'elsewhere'`);
    const outsider = await kit.person('owner', { in: 'elsewhere' });
    // Who may do everything, wherever it is: of the two walls only the second one stands.
    const caller: Caller = {
      ...(await kit.system.caller()),
      actor: { kind: 'system', principalId: outsider.principalId },
      access: { ...NO_ACCESS, workspaceId: there[0]?.id ?? '' },
    };
    const attempts: { operation: Operation; input: object }[] = [];
    for (const operation of kit.registry.all) {
      // What operators do above the workspaces is behind no workspace's policy.
      if (!('action' in operation.permission) || ACTIONS[operation.permission.action].on === 'instance') continue;
      if (operation.stream !== undefined) continue;
      const input = await inputAboutUs(operation.name);
      if (input) attempts.push({ operation, input });
    }
    expect(attempts.length).toBeGreaterThan(50);
    // The first wall is down: what is asked for of one's own is let through, whatever the right it needs.
    expect(await kit.execute(kit.registry.get('member.list'), {}, caller)).toBeDefined();
    const ours = await idsOf(kit.workspace.id);
    const before = await contentOf(kit.workspace.id);
    for (const { operation, input } of attempts) {
      const answer = await kit.execute(operation, input, caller).then(
        (result) => JSON.stringify(result ?? null),
        (error: unknown) => {
          // The database itself may say no: the wall that stands.
          if ((error as { driverError?: { code?: string } }).driverError?.code === ROW_REFUSED) return '';
          expect(error, operation.name).toBeInstanceOf(OperationProblem);
          return JSON.stringify((error as OperationProblem).toBody());
        },
      );
      const leaked = (answer.match(/[0-9a-f]{8}-[0-9a-f-]{27}/g) ?? []).filter(
        (one) => ours.has(one) && !JSON.stringify(input).includes(one),
      );
      expect([operation.name, leaked, answer.includes('CANARY')]).toEqual([operation.name, [], false]);
    }
    expect(await contentOf(kit.workspace.id)).toEqual(before);
  }, 240_000);
});

describe('live topics', () => {
  test('are heard by exactly who may read what they are about, and by a key only within its scopes', async () => {
    const rights = createLiveRights({ database: kit.database.database, log: { warn: () => undefined } });
    const workspaceId = kit.workspace.id;
    const topics = [
      ['run.read', { kind: 'run', id: runId }],
      ['run.read', { kind: 'workflow', id: workflowId, workspaceId }],
      ['run.read', { kind: 'workspace', id: workspaceId }],
      ['workspace.read', { kind: 'workspace', id: workspaceId }],
    ] as const;
    for (const [action, resource] of topics) {
      for (const who of everybody.filter((one) => one.kind !== 'nobody')) {
        const { actor } = await who.by.caller();
        const { kind } = await rights.authorize({ actor }, action, resource);
        expect([who.title, action, resource.kind, kind]).toEqual([
          who.title,
          action,
          resource.kind,
          who.role === undefined ? 'hidden' : 'allowed',
        ]);
      }
      const owner = everybody.find((who) => who.title === 'owner signed in')!.by;
      const { actor } = await (await kit.apiKey(owner, ['member.read'])).caller();
      expect((await rights.authorize({ actor }, action, resource)).kind).not.toBe('allowed');
      // A key is for one workspace, whatever its owner may elsewhere.
      expect(
        (
          await rights.authorize(
            { actor: { kind: actor.kind, principalId: actor.principalId }, workspaceId: crypto.randomUUID() },
            action,
            resource,
          )
        ).kind,
      ).toBe('hidden');
    }
  });
});

/** One thing of each kind in a project that only its keeper sees, by the first word of the operations about it. */
async function thingsHiddenBy(keeper: TestCaller): Promise<Readonly<Record<string, string>>> {
  const slug = unique().replace(' ', '-');
  const [project] = await kit.database.database.query<{ id: string }>(
    `insert into project (id, workspace_id, slug, name, visibility, owner_id, created_by) values (gen_random_uuid(), $1, $3, $3, 'members', $2, $2) returning id`,
    [kit.workspace.id, keeper.principalId, slug],
  );
  const projectId = project?.id ?? '';
  const post = async (path: string, body: object): Promise<Record<string, string>> => {
    const { status, json, text } = await kit.rest(keeper, 'POST', path, body);
    expect(status, `${path} ${text}`).toBeLessThan(300);
    return json as Record<string, string>;
  };
  const imported = await post('/workflows/import', { definition: aDefinition(slug, slug), publish: true, projectId });
  const { workflowId: gone = '' } = await post('/workflows/import', { definition: aDefinition(`${slug} gone`, `${slug}-gone`), projectId });
  expect((await kit.rest(keeper, 'DELETE', `/workflows/${gone}`)).status).toBeLessThan(300);
  const run = await post('/runs', { workflow: slug });
  expect((await kit.rest(keeper, 'GET', `/runs/${run['runId']}/state?waitMs=30000`)).json.status).toBe('succeeded');
  const folder = await post('/folders', { projectId, name: slug });
  const credential = await post('/credentials', {
    projectId,
    key: slug,
    name: slug,
    type: 'core/bearer',
    data: { token: 'CANARY' },
    allowedHosts: ['a.example'],
  });
  await asSystem((tx) => setVariable(tx, { projectId, environment: 1, key: slug.replace('-', '_'), value: 'CANARY' }));
  const origin = { runId: run['runId'] ?? '', workflowId: imported['workflowId'] ?? '' };
  const file = await kit.files.save({ workspaceId: kit.workspace.id, origin }, Readable.from([Buffer.from('CANARY')]), {
    name: `${slug}.txt`,
  });
  return {
    project: projectId,
    workflow: imported['workflowId'] ?? '',
    trash: gone,
    run: run['runId'] ?? '',
    folder: folder['id'] ?? '',
    credential: credential['id'] ?? '',
    oauth2: credential['id'] ?? '',
    file: file.id,
    view: await viewOf(keeper),
    job: await newJob(keeper),
  };
}

/** The fields of an operation's input that name a thing, with the hidden one of that kind; undefined where there is none. */
function idFieldsOf(
  name: string,
  input: Readonly<Record<string, unknown>>,
  hidden: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> | undefined {
  const first = name.split('.', 1)[0] ?? '';
  const kinds: Readonly<Record<string, string | undefined>> = {
    id: name === 'workflow.restore' ? 'trash' : first,
    workflowId: 'workflow',
    runId: 'run',
    projectId: 'project',
    resourceId: String(input['resourceKind']),
  };
  const fields = Object.entries(kinds).flatMap(([field, kind]) => {
    const id = field in input && kind !== undefined ? hidden[kind] : undefined;
    return id === undefined ? [] : [[field, id] as const];
  });
  return fields.length === 0 ? undefined : Object.fromEntries(fields);
}

describe('a hidden project', () => {
  test('its workflows and runs are in no list, count, search or answer of who has no role on it', async () => {
    const owner = await kit.person('editor');
    const [project] = await kit.database.database.query<{ id: string }>(
      `insert into project (id, workspace_id, slug, name, visibility, owner_id, created_by) values (gen_random_uuid(), $1, 'private', 'Private', 'members', $2, $2) returning id`,
      [kit.workspace.id, owner.principalId],
    );
    const made = await kit.rest(owner, 'POST', '/workflows/import', {
      definition: aDefinition('Hidden one', 'hidden'),
      publish: true,
      projectId: project?.id,
    });
    expect(made.status, made.text).toBe(201);
    const started = (await kit.rest(owner, 'POST', '/runs', { workflow: 'Hidden one' })).json.runId as string;
    expect((await kit.rest(owner, 'GET', `/runs/${started}/state?waitMs=30000`)).json.status).toBe('succeeded');
    const others = everybody.filter((who) => who.role !== undefined && who.kind !== 'system');
    for (const { by, title } of others) {
      const before = (await kit.rest(owner, 'GET', '/workflows/counts')).json.all;
      expect((await kit.rest(by, 'GET', '/workflows/counts')).json.all, title).toBe(before - 1);
      for (const path of [
        '/workflows',
        '/workflows/overview?first=100',
        '/runs?limit=100',
        '/runs/overview?first=100',
        `/find?text=Hidden`,
        `/find?text=${started.slice(-8)}`,
      ]) {
        const { text } = await kit.rest(by, 'GET', path);
        expect(text, `${title} ${path}`).not.toMatch(new RegExp(`Hidden one|${started}|${made.json.workflowId}`));
      }
      for (const path of [
        `/runs/${started}`,
        `/runs/${started.slice(-8)}`,
        `/runs/${started}/output`,
        `/runs/${started}/facts`,
        `/workflows/${made.json.workflowId}`,
        '/workflows/Hidden%20one/export',
      ]) {
        expect((await kit.rest(by, 'GET', path)).json.error.code, `${title} ${path}`).toBe('NOT_FOUND');
      }
      expect((await kit.rest(by, 'GET', '/runs/last')).json.id, title).not.toBe(started);
    }
    const clash = await kit.rest(everybody.find((who) => who.title === 'owner signed in')!.by, 'POST', '/workflows/import', {
      definition: aDefinition('Mine', 'hidden'),
      publish: true,
    });
    expect([clash.status, clash.json.error.code]).toEqual([409, 'HOOK_PATH_TAKEN']);
    expect(clash.text).not.toContain('Hidden one');
  });

  test('an id of something in it is not there, and answers do not differ from those about nothing, for every operation', async () => {
    const keeper = await kit.person('editor');
    const hidden = await thingsHiddenBy(keeper);
    const asking = everybody.filter((who) => who.title === 'owner signed in' || who.title === 'viewer signed in');
    const asked: string[] = [];
    for (const operation of kit.registry.all) {
      if (!('action' in operation.permission) || ACTIONS[operation.permission.action].on === 'instance') continue;
      for (const { by, title } of asking) {
        const input = (await inputOf(operation.name, by)) as Record<string, unknown>;
        const theirs = idFieldsOf(operation.name, input, hidden);
        if (theirs === undefined) continue;
        asked.push(operation.name);
        const nothing = Object.fromEntries(Object.keys(theirs).map((field) => [field, crypto.randomUUID()]));
        const here = await restCall(operation, { ...input, ...theirs }, by);
        const nowhere = await restCall(operation, { ...input, ...nothing }, by);
        const blank = (text: string): string => text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'id');
        expect([operation.name, title, here.status, blank(here.text)]).toEqual([
          operation.name,
          title,
          nowhere.status,
          blank(nowhere.text),
        ]);
        expect([operation.name, title, [403, 404].includes(here.status)]).toEqual([operation.name, title, true]);
      }
    }
    expect(new Set(asked).size).toBeGreaterThan(70);
  }, 240_000);

  test('what a run handled is for who may read data, also inside its steps', async () => {
    const viewer = everybody.find((who) => who.title === 'viewer signed in')!.by;
    for (const path of [`/runs/${runId}`, `/runs/${runId}/detail`, `/runs/${runId}/facts`, `/runs/overview`]) {
      expect((await kit.rest(viewer, 'GET', path)).text.replace(/"definition":.*?"settings"/s, ''), path).not.toContain('CANARY');
    }
    const runner = everybody.find((who) => who.title === 'runner signed in')!.by;
    expect((await kit.rest(runner, 'GET', `/runs/${runId}/output`)).text).toContain('CANARY');
  });

  test('a right that is taken away is gone with the next request', async () => {
    const person = await kit.person('editor');
    expect((await kit.rest(person, 'POST', '/workflows', { name: unique() })).status).toBe(201);
    await kit.rest(kit.system, 'PUT', `/members/${person.principalId}/role`, { role: 'viewer' });
    expect((await kit.rest(person, 'POST', '/workflows', { name: unique() })).json.error.code).toBe('FORBIDDEN');
    await kit.rest(kit.system, 'DELETE', `/members/${person.principalId}`);
    expect((await kit.rest(person, 'GET', '/workflows')).json.error.code).toBe('NOT_FOUND');
  });
});
