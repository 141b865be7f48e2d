/** What lists of schedules and of polls are asked by; each sees those of the workflows they may see. */
import type { ListSchedules } from '@plugboard/persistence';
import { z } from 'zod';
import { visibleTo } from '../access/access.ts';
import type { OperationContext } from '../operation/operation.ts';
import { id, pageInput, text } from '../operation/shapes.ts';

export const triggerState = z.enum(['active', 'paused', 'held']).meta({ id: 'ScheduleState' });

export const triggerListInput = z.strictObject({
  ...pageInput,
  after: z.guid().optional(),
  /** In the name of the workflow or of the trigger. */
  search: text(200).optional(),
  workflowId: id.optional(),
  state: triggerState.optional(),
});

export function triggersAsked(ctx: OperationContext, { first, ...asked }: z.output<typeof triggerListInput>): ListSchedules {
  const visible = visibleTo(ctx.actor, ctx.access, 'workflow.read');
  return {
    ...asked,
    limit: first,
    ...(visible.kind === 'some' ? { visible: { projectIds: visible.projectIds, workflowIds: visible.ids } } : {}),
  };
}
