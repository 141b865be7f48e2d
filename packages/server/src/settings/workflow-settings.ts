/** What counts for one workflow: what its definition says itself, and what its project, its workspace and the server say. */
import type { WorkflowSettings } from '@plugboard/engine';
import { type WorkspaceTransaction, getDraft, findWorkflow } from '@plugboard/persistence';
import type { Json } from '@plugboard/sdk';
import { z } from 'zod';
import { notFound } from '../operation/problem.ts';
import { json } from '../operation/shapes.ts';
import { SETTING_KEYS, SETTING_LEVELS, definitionOf } from './registry.ts';
import type { Settings } from './settings.ts';

export const workflowSettingView = z
  .object({
    key: z.string(),
    title: z.string(),
    help: z.string(),
    /** null where nothing is said and the help tells what counts. */
    value: json.nullable(),
    /** `workflow`: its definition says so. */
    from: z.enum(['default', 'workflow', ...SETTING_LEVELS, 'environment']).meta({ id: 'WorkflowSettingOrigin' }),
  })
  .meta({ id: 'WorkflowSettingView' });

interface OfDefinition {
  readonly title: string;
  readonly help: string;
  /** Where the definition says nothing. */
  readonly fallback: Json;
}

const OF_DEFINITION = {
  timezone: { title: 'Time zone', help: 'Of dates in expressions and of schedules.', fallback: 'UTC' },
  timeoutMs: { title: 'Time limit', help: 'Active time a run may take.', fallback: 1_800_000 },
  maxParallelSteps: { title: 'Steps at the same time', help: 'Of one run.', fallback: 20 },
  undoOn: { title: 'Undoing', help: 'Of runs that failed or ran out of time, or of all that did not end well.', fallback: 'all' },
  undoTimeoutMs: { title: 'Time limit of undoing', help: 'Active time it may take, in milliseconds.', fallback: 300_000 },
  keepData: { title: 'Data that is kept', help: 'Of finished runs.', fallback: 'all' },
  keepRuns: { title: 'Runs that are kept', help: 'The workspace may keep fewer.', fallback: null },
  budget: { title: 'What a run may spend', help: 'In dollars, with its retries and the runs they call.', fallback: null },
  flow: { title: 'Which runs begin when', help: 'For all servers together.', fallback: null },
  repeat: { title: 'Repeats', help: 'Each published run is followed by another one.', fallback: null },
  errorWorkflow: { title: 'Workflow that hears of failures', help: 'It begins with “When a run fails”.', fallback: null },
  errorOn: { title: 'Hears of', help: 'What the workflow above is told of.', fallback: 'failures' },
} as const satisfies { readonly [Key in keyof WorkflowSettings]?: OfDefinition };

/** Of the draft. @throws OperationProblem NOT_FOUND */
export async function settingsOfWorkflow(
  tx: WorkspaceTransaction,
  { workflowId, settings }: { readonly workflowId: string; readonly settings: Settings },
): Promise<z.input<typeof workflowSettingView>[]> {
  const [workflow, draft] = [await findWorkflow(tx, workflowId), await getDraft(tx, workflowId)];
  if (!workflow || !draft) throw notFound();
  const said = draft.definition.settings as Readonly<Record<string, Json | undefined>>;
  const own = Object.entries<OfDefinition>(OF_DEFINITION).map(([key, { title, help, fallback }]) => {
    const value = said[key];
    return value === undefined
      ? { key, title, help, value: fallback, from: 'default' as const }
      : { key, title, help, value, from: 'workflow' as const };
  });
  const above = SETTING_KEYS.filter((key) => definitionOf(key).levels.includes('project')).map((key) => {
    const { title, help } = definitionOf(key);
    return { key, title, help, ...settings.effective(key, tx.context.workspaceId, workflow.projectId) };
  });
  return [...own, ...above];
}
