/** Forms that runs wait for: opened by a step, and filled in once, in the transaction that puts what was filled in into the inbox of the run. */
import { type Database, type RunForm, answerWait, endRunForm, inWorkspace, lockRunForm, openRunForm } from '@plugboard/persistence';
import { type StepOwner, signalOf } from '@plugboard/runner';
import { type FileRef, type FormRequest, type Json, type JsonObject, StepFailure } from '@plugboard/sdk';
import { z } from 'zod';
import { text } from '../operation/shapes.ts';
import { MAX_FIELDS, fieldsProblem, formField } from './form-fields.ts';

const MAX_BYTES = 256 * 1024;

const formRequest = z.strictObject({
  title: text(300, 1),
  message: text(50_000).optional(),
  fields: z.array(formField).min(1).max(MAX_FIELDS),
  submit: text(60).optional(),
  thanks: text(5000).optional(),
  until: z.union([z.number(), z.string(), z.date()]).optional(),
});

/** What is kept of a form. */
export type KeptForm = Omit<FormRequest, 'until'>;

export interface FormService {
  open(owner: StepOwner, request: JsonObject): Promise<Json>;
  /** `filled`: this one counts. Any other: how the form stands, and nothing was taken. */
  fill(form: RunForm, answer: { readonly values: JsonObject; readonly files: { readonly [name: string]: FileRef } }): Promise<FilledForm>;
}

export type FilledForm = 'counted' | Exclude<RunForm['state'], 'open'>;

export function createFormService(options: { readonly database: Database; readonly systemPrincipalId: string }): FormService {
  const { database, systemPrincipalId: principalId } = options;
  return {
    async open({ workspaceId, runId, place, workflowId, nodeId }, input) {
      const { until, ...request } = readFormRequest(input);
      return inWorkspace(database, { workspaceId, principalId }, (tx) =>
        openRunForm(tx, {
          runId,
          place,
          workflowId,
          nodeId,
          request: request as unknown as JsonObject,
          ...(until === undefined ? {} : { dueAt: new Date(until) }),
        }),
      );
    },

    fill({ id, workspaceId, runId, place, dueAt }, { values, files }) {
      return inWorkspace(database, { workspaceId, principalId }, async (tx) => {
        const state = (await lockRunForm(tx, id)) ?? 'closed';
        if (state !== 'open') return state;
        const item = { json: { ...values, submittedAt: new Date().toISOString() }, ...(Object.keys(files).length > 0 ? { files } : {}) };
        const payload = { item: item as unknown as Json };
        if (!(await answerWait(tx, { runId, wait: signalOf(place), dueAt, kind: 'signal', payload }))) return 'late';
        await endRunForm(tx, id);
        return 'counted';
      });
    },
  };
}

/** @throws StepFailure FORM_INVALID saying what to change */
function readFormRequest(input: JsonObject): FormRequest {
  const parsed = formRequest.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'this is no form'}`);
  }
  const request = parsed.data as FormRequest;
  if (JSON.stringify(request).length > MAX_BYTES) throw invalid(`it has more than ${MAX_BYTES} characters; ask for less.`);
  const problem = fieldsProblem(request.fields);
  if (problem !== undefined) throw invalid(problem);
  return request;
}

function invalid(why: string): StepFailure {
  return new StepFailure('FORM_INVALID', `The form cannot be shown. ${why}`, { kind: 'input' });
}
