/**
 * One run, live and in the past: the detail once, the facts as they come, the fold at the playhead.
 * Without a playhead it follows; with one it stands still while facts go on arriving.
 */
import { computed, onScopeDispose, type Ref, ref, shallowRef, watch } from 'vue';
import { type ApiError, asApiError, isAbort } from '../api/api-error.ts';
import type { LiveState, PlugboardApi, RunDetail, RunFact } from '../api/types.ts';
import { foldFacts, NEW_RUN, type RunLive } from './run-live.ts';
import { isOver } from './run-words.ts';

export interface RunView {
  readonly detail: Ref<RunDetail | undefined>;
  readonly facts: Ref<readonly RunFact[]>;
  /** At the playhead. */
  readonly shown: Ref<RunLive>;
  /** At the newest fact. */
  readonly latest: Ref<RunLive>;
  readonly live: Ref<LiveState>;
  readonly isLoading: Ref<boolean>;
  readonly error: Ref<ApiError | undefined>;
  readonly reload: () => Promise<void>;
}

/** `at`: event number of the playhead; undefined follows the run. */
export function useRun(api: PlugboardApi, id: Ref<string>, at: Ref<number | undefined>): RunView {
  const detail = shallowRef<RunDetail>();
  const facts = shallowRef<readonly RunFact[]>([]);
  const latest = shallowRef<RunLive>(NEW_RUN);
  const live = ref<LiveState>('connecting');
  const isLoading = ref(true);
  const error = shallowRef<ApiError>();
  let loading: AbortController | undefined;
  let stop: (() => void) | undefined;

  function take(news: readonly RunFact[]): void {
    const known = facts.value.at(-1)?.seq ?? 0;
    const fresh = news.filter((fact) => fact.seq > known);
    if (fresh.length === 0) return;
    facts.value = [...facts.value, ...fresh];
    latest.value = foldFacts(latest.value, fresh);
    if (fresh.some((fact) => fact.type === 'run.ended')) void refreshDetail();
  }

  /** Sums that only the server knows (cost, active time) once the run has ended. */
  async function refreshDetail(): Promise<void> {
    const mine = loading;
    try {
      const loaded = await api.getRun(id.value, mine?.signal);
      if (loading === mine) detail.value = loaded;
    } catch (caught) {
      if (!isAbort(caught)) error.value = asApiError(caught);
    }
  }

  async function reload(): Promise<void> {
    loading?.abort();
    stop?.();
    const mine = new AbortController();
    loading = mine;
    isLoading.value = true;
    error.value = undefined;
    try {
      const loaded = await api.getRun(id.value, mine.signal);
      if (loading !== mine) return;
      const isOther = detail.value?.id !== loaded.id;
      // Shown with its first events at once: a head without them would look like a run that has not begun.
      for (let isMore = true, isFirst = true; isMore; isFirst = false) {
        const known = isFirst && isOther ? 0 : (facts.value.at(-1)?.seq ?? 0);
        const page = await api.listRunFacts(loaded.id, known, mine.signal);
        if (loading !== mine) return;
        if (isFirst && isOther) [facts.value, latest.value] = [[], NEW_RUN];
        if (isFirst) detail.value = loaded;
        take(page.facts);
        isMore = page.hasMore && page.facts.length > 0;
      }
      follow(loaded);
    } catch (caught) {
      if (loading === mine && !isAbort(caught)) error.value = asApiError(caught);
    } finally {
      if (loading === mine) isLoading.value = false;
    }
  }

  function follow(run: RunDetail): void {
    if (isOver(latest.value.status) || isOver(run.status)) return;
    stop = api.watchRun(run.id, facts.value.at(-1)?.seq ?? 0, {
      onFacts: take,
      onState: (state) => {
        live.value = state;
      },
      onRefused: () => void reload(),
    });
  }

  watch(id, () => void reload(), { immediate: true });
  onScopeDispose(() => {
    loading?.abort();
    loading = undefined;
    stop?.();
  });

  const shown = computed(() => {
    const seq = at.value;
    return seq === undefined || seq >= latest.value.seq ? latest.value : foldFacts(NEW_RUN, facts.value, seq);
  });
  return { detail, facts, shown, latest, live, isLoading, error, reload };
}
