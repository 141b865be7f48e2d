/** Teams: members who are given roles together. */
import {
  addTeamMember,
  createTeam,
  deleteTeam,
  findTeam,
  listTeamMembers,
  listTeams,
  removeTeamMember,
  updateTeam,
} from '@plugboard/persistence';
import { z } from 'zod';
import { type Operation, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, nothing, personRef, text } from '../operation/shapes.ts';
import { demandRankOfTeam } from '../projects/grant-operations.ts';

const WORKSPACE = { kind: 'workspace' } as const;
const READ = { action: 'team.read', on: () => WORKSPACE } as const;
const MANAGE = { action: 'team.manage', on: () => WORKSPACE } as const;
const name = text(100, 1);
const description = text(1000);

const teamRow = z.object({ id, name: z.string(), description: z.string(), memberCount: z.int(), rev: z.int() }).meta({ id: 'TeamRow' });
const teamView = z
  .object({ id, name: z.string(), description: z.string(), rev: z.int(), members: z.array(personRef) })
  .meta({ id: 'TeamView' });

export function teamOperations(): readonly Operation[] {
  return [
    operation({
      name: 'team.list',
      field: 'teams',
      kind: 'query',
      summary: 'Teams of the workspace.',
      permission: READ,
      input: z.strictObject({}),
      output: z.array(teamRow),
      problems: [],
      rest: { method: 'GET', path: '/teams' },
      handler: (ctx) =>
        ctx.inTransaction(async (tx) =>
          (await listTeams(tx)).map((one) => ({
            id: one.id,
            name: one.name,
            description: one.description,
            memberCount: one.members,
            rev: one.rev,
          })),
        ),
    }),
    operation({
      name: 'team.get',
      field: 'team',
      kind: 'query',
      summary: 'A team with its members.',
      permission: READ,
      input: z.strictObject({ id }),
      output: teamView,
      problems: [],
      rest: { method: 'GET', path: '/teams/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const team = await findTeam(tx, input.id);
          if (!team) throw noTeam();
          const members = await listTeamMembers(tx, input.id);
          return {
            id: team.id,
            name: team.name,
            description: team.description,
            rev: team.rev,
            members: members.map((one) => ({ id: one.principalId, name: one.displayName })),
          };
        }),
    }),
    operation({
      name: 'team.create',
      field: 'createTeam',
      kind: 'mutation',
      summary: 'Make a team.',
      permission: MANAGE,
      input: z.strictObject({ name, description: description.optional() }),
      output: z.object({ id }).meta({ id: 'CreatedTeam' }),
      problems: ['NAME_TAKEN'],
      rest: { method: 'POST', path: '/teams', status: 201 },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const made = await createTeam(tx, {
            name: input.name,
            ...(input.description === undefined ? {} : { description: input.description }),
          });
          if (made.kind === 'name-taken') throw nameTaken();
          ctx.audit({ kind: 'team', id: made.teamId, payload: { name: input.name } });
          return { id: made.teamId };
        }),
    }),
    operation({
      name: 'team.update',
      field: 'updateTeam',
      kind: 'mutation',
      summary: 'Give a team another name or description.',
      permission: MANAGE,
      input: z.strictObject({ id, name: name.optional(), description: description.optional(), expectedRev: z.int().optional() }),
      output: z.object({ id, rev: z.int() }).meta({ id: 'SavedTeam' }),
      problems: ['NAME_TAKEN'],
      rest: { method: 'PATCH', path: '/teams/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          const saved = await updateTeam(tx, input.id, {
            ...(input.name === undefined ? {} : { name: input.name }),
            ...(input.description === undefined ? {} : { description: input.description }),
            ...(input.expectedRev === undefined ? {} : { expectedRev: input.expectedRev }),
          });
          switch (saved.kind) {
            case 'not-found':
              throw noTeam();
            case 'name-taken':
              throw nameTaken();
            case 'conflict':
              throw new OperationProblem('CONFLICT', 'The team was changed in between', {
                params: { rev: saved.team.rev, theirs: { name: saved.team.name, description: saved.team.description } },
              });
            case 'saved':
              return { id: input.id, rev: saved.rev };
          }
        }),
    }),
    operation({
      name: 'team.delete',
      field: 'deleteTeam',
      kind: 'mutation',
      summary: 'Delete a team, and with it what was granted to it.',
      permission: MANAGE,
      input: z.strictObject({ id }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/teams/{id}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          if (!(await deleteTeam(tx, input.id))) throw noTeam();
          return DONE;
        }),
    }),
    operation({
      name: 'team.addMember',
      field: 'addTeamMember',
      kind: 'mutation',
      summary: 'Put a member of the workspace into a team.',
      permission: MANAGE,
      input: z.strictObject({ id, principalId: id }),
      output: nothing,
      problems: [],
      rest: { method: 'PUT', path: '/teams/{id}/members/{principalId}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          await demandRankOfTeam(ctx, tx, input.id);
          ctx.audit({ kind: 'team', id: input.id, payload: { principalId: input.principalId } });
          if (!(await addTeamMember(tx, input.id, input.principalId))) throw notFound('There is no such team or member');
          return DONE;
        }),
    }),
    operation({
      name: 'team.removeMember',
      field: 'removeTeamMember',
      kind: 'mutation',
      summary: 'Take somebody out of a team.',
      permission: MANAGE,
      input: z.strictObject({ id, principalId: id }),
      output: nothing,
      problems: [],
      rest: { method: 'DELETE', path: '/teams/{id}/members/{principalId}' },
      handler: (ctx, input) =>
        ctx.inTransaction(async (tx) => {
          ctx.audit({ kind: 'team', id: input.id, payload: { principalId: input.principalId } });
          if (!(await removeTeamMember(tx, input.id, input.principalId))) throw notFound('There is no such member in the team');
          return DONE;
        }),
    }),
  ];
}

function noTeam(): OperationProblem {
  return notFound('There is no such team');
}

function nameTaken(): OperationProblem {
  return new OperationProblem('NAME_TAKEN', 'Another team has this name', { path: 'input.name' });
}
