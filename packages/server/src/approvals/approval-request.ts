/** What a step asks people to decide, checked: everything comes from parameters somebody wrote, and from data of the run. */
import { type ApprovalDeciders, ROLES, normalizeEmail } from '@plugboard/persistence';
import { type ApprovalRequest, type JsonObject, StepFailure } from '@plugboard/sdk';
import { z } from 'zod';
import { MAX_FIELDS, fieldsProblem, formField } from '../forms/form-fields.ts';
import { text } from '../operation/shapes.ts';

const MAX_BYTES = 256 * 1024;
const MAX_NAMED = 100;
const YEAR_MS = 366 * 24 * 60 * 60_000;
const ms = z.number().min(1000).max(YEAR_MS);

const deciders = {
  persons: z.array(text(320, 1)).max(MAX_NAMED).optional(),
  roles: z.array(z.enum(ROLES)).max(ROLES.length).optional(),
  teams: z.array(text(100, 1)).max(MAX_NAMED).optional(),
};

const instant = z.union([z.number(), z.string(), z.date()]);

const approvalRequest = z.strictObject({
  title: text(300, 1),
  message: text(50_000).optional(),
  fields: z
    .array(formField.extend({ edit: z.boolean().optional() }))
    .max(MAX_FIELDS)
    .optional(),
  deciders: z.strictObject(deciders),
  needed: z.int().min(1).max(MAX_NAMED).optional(),
  requesterMay: z.boolean().optional(),
  commentOn: z.enum(['never', 'rejection', 'always']).optional(),
  byLink: z.boolean().optional(),
  until: instant.optional(),
  remind: z.strictObject({ afterMs: ms, everyMs: ms, atMost: z.int().min(1).max(100) }).optional(),
  escalate: z.strictObject({ ...deciders, afterMs: ms }).optional(),
});

/** What is kept of a request as it was asked. */
export type KeptRequest = Pick<ApprovalRequest, 'message' | 'commentOn' | 'remind' | 'escalate'> & {
  readonly fields: NonNullable<ApprovalRequest['fields']>;
};

/** @throws StepFailure APPROVAL_INVALID saying what to change */
export function readApprovalRequest(input: JsonObject): ApprovalRequest {
  const parsed = approvalRequest.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'this is no request'}`);
  }
  const request = parsed.data as ApprovalRequest;
  if (JSON.stringify(request).length > MAX_BYTES) throw invalid(`it has more than ${MAX_BYTES} characters; show fewer or shorter fields.`);
  const problem =
    fieldsProblem(request.fields ?? []) ??
    (request.fields?.some((field) => field.kind === 'file') ? 'A file cannot be asked for here.' : undefined);
  if (problem !== undefined) throw invalid(problem);
  // Who has the address is nobody in particular: they may be somebody who has decided already, or who may not.
  if (request.byLink && (request.needed ?? 1) > 1)
    throw invalid(
      'byLink: of those who have the link nobody knows whether they are different people; ask for one approval, or without the link.',
    );
  if (request.byLink && request.requesterMay === false)
    throw invalid('byLink: whoever started the run may have the link too; let them decide, or ask without the link.');
  return request;
}

/** How deciders are kept: so that two spellings of one are equal. Nobody named is whoever may edit the workflow. */
export function keptDeciders(named: ApprovalRequest['deciders']): ApprovalDeciders {
  const kept = keptFurther(named);
  const isEmpty = kept.persons.length === 0 && kept.roles.length === 0 && kept.teams.length === 0;
  return isEmpty ? { ...kept, roles: ['editor'] } : kept;
}

/** Of those who are asked later: nobody named is nobody. */
export function keptFurther({ persons = [], roles = [], teams = [] }: ApprovalRequest['deciders']): ApprovalDeciders {
  return {
    persons: persons.map(normalizeEmail),
    roles: [...new Set(roles)],
    teams: teams.map((team) => team.trim().toLowerCase()),
  };
}

export function keptRequest({ message, fields = [], commentOn, remind, escalate }: ApprovalRequest): KeptRequest {
  return {
    fields,
    ...(message === undefined ? {} : { message }),
    ...(commentOn === undefined ? {} : { commentOn }),
    ...(remind === undefined ? {} : { remind }),
    ...(escalate === undefined ? {} : { escalate }),
  };
}

function invalid(why: string): StepFailure {
  return new StepFailure('APPROVAL_INVALID', `The approval cannot be asked for. ${why}`, { kind: 'input' });
}
