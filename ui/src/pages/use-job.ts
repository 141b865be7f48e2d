/** A job of the server, followed until it has ended. It goes on when nobody follows it. */
import { type Ref, computed, onScopeDispose, ref, shallowRef } from 'vue';
import { asApiError } from '../api/api-error.ts';
import type { Job, JobItem, Outcome, PlugboardApi } from '../api/types.ts';

/** How often a job is asked how far it is, in milliseconds. */
const ASK_EVERY_MS = 400;

export interface FollowedJob {
  readonly job: Ref<Job | undefined>;
  /** Up to 20 of what it could not do. */
  readonly failures: Ref<readonly JobItem[]>;
  readonly isStarting: Ref<boolean>;
  readonly isOver: Ref<boolean>;
  start(begin: () => Promise<Outcome<{ readonly id: string }>>): Promise<void>;
  follow(id: string): Promise<void>;
  cancel(): Promise<void>;
  forget(): void;
}

export interface FollowJobOptions {
  readonly onEnded: (job: Job) => void;
  /** One sentence of what went wrong with the job itself. */
  readonly onTrouble: (message: string) => void;
}

export function useJob(api: PlugboardApi, { onEnded, onTrouble }: FollowJobOptions): FollowedJob {
  const job = shallowRef<Job>();
  const failures = shallowRef<readonly JobItem[]>([]);
  const isStarting = ref(false);
  const isOver = computed(() => job.value !== undefined && !['queued', 'running'].includes(job.value.state));
  let asking: ReturnType<typeof setTimeout> | undefined;
  let isLeft = false;
  onScopeDispose(() => {
    isLeft = true;
    clearTimeout(asking);
  });

  async function start(begin: () => Promise<Outcome<{ readonly id: string }>>): Promise<void> {
    isStarting.value = true;
    try {
      const answer = await begin();
      if (answer.ok) await follow(answer.value.id);
      else onTrouble(answer.problems[0]?.message ?? 'Nothing was changed.');
    } catch (error) {
      onTrouble(asApiError(error).message);
    } finally {
      isStarting.value = false;
    }
  }

  async function follow(id: string): Promise<void> {
    failures.value = [];
    await ask(id);
  }

  async function ask(id: string): Promise<void> {
    let asked: Job;
    try {
      asked = await api.getJob(id);
      if (asked.failed > 0 && !['queued', 'running'].includes(asked.state)) failures.value = (await api.listJobItems(id, 'failed')).rows;
    } catch (error) {
      onTrouble(`${asApiError(error).message} The job goes on.`);
      return;
    }
    if (isLeft) return;
    job.value = asked;
    if (isOver.value) onEnded(asked);
    else asking = setTimeout(() => void ask(id), ASK_EVERY_MS);
  }

  async function cancel(): Promise<void> {
    if (!job.value) return;
    try {
      const answer = await api.cancelJob(job.value.id);
      if (!answer.ok) onTrouble(answer.problems[0]?.message ?? 'The job goes on.');
    } catch (error) {
      onTrouble(asApiError(error).message);
    }
  }

  function forget(): void {
    clearTimeout(asking);
    job.value = undefined;
    failures.value = [];
  }

  return { job, failures, isStarting, isOver, start, follow, cancel, forget };
}

/** What a job could not do, by reason: many things are often refused for one. */
export function byReason(failures: readonly JobItem[]): readonly { readonly reason: string; readonly itemIds: readonly string[] }[] {
  const found = new Map<string, string[]>();
  for (const { itemId, message, code } of failures) {
    const reason = message ?? code ?? '';
    found.set(reason, [...(found.get(reason) ?? []), itemId]);
  }
  return [...found].map(([reason, itemIds]) => ({ reason, itemIds }));
}
