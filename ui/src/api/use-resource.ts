/** Loading one thing or a list of pages, with what people see meanwhile: the old value, dimmed, never a blank page. */
import { type Ref, computed, onScopeDispose, ref, shallowRef, watch } from 'vue';
import { type ApiError, asApiError, isAbort } from './api-error.ts';
import { useSession } from '../stores/session.ts';
import type { Page, PageRequest } from './types.ts';

export interface Resource<T> {
  readonly value: Ref<T | undefined>;
  readonly isLoading: Ref<boolean>;
  /** Of the last try; the value before it stays. */
  readonly error: Ref<ApiError | undefined>;
  readonly reload: () => Promise<void>;
}

/** Loads at once and whenever `deps` changes; a newer load aborts the older one. */
export function useResource<T>(load: (signal: AbortSignal) => Promise<T>, deps?: () => unknown): Resource<T> {
  const value = shallowRef<T>();
  const isLoading = ref(true);
  const error = shallowRef<ApiError>();
  let running: AbortController | undefined;

  async function reload(): Promise<void> {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    isLoading.value = true;
    try {
      const loaded = await load(mine.signal);
      if (running !== mine) return;
      value.value = loaded;
      error.value = undefined;
    } catch (caught) {
      if (running !== mine || isAbort(caught)) return;
      error.value = asApiError(caught);
    } finally {
      if (running === mine) isLoading.value = false;
    }
  }

  if (deps) watch(deps, () => void reload());
  // Another role sees other things, and may do others with them.
  const session = useSession();
  watch(
    () => session.role,
    () => void reload(),
  );
  onScopeDispose(() => {
    running?.abort();
    running = undefined;
  });
  void reload();
  return { value, isLoading, error, reload };
}

export interface PagedList<T> {
  readonly rows: Ref<readonly T[]>;
  readonly isLoading: Ref<boolean>;
  readonly hasMore: Ref<boolean>;
  readonly error: Ref<ApiError | undefined>;
  readonly reload: () => Promise<void>;
  readonly loadMore: () => Promise<void>;
}

/** Keyset pages, appended. A change of `deps` starts again at the first page and keeps the old rows until it is there. */
export function usePages<T>(load: (page: PageRequest, signal: AbortSignal) => Promise<Page<T>>, deps?: () => unknown): PagedList<T> {
  const first = useResource((signal) => load({}, signal), deps);
  const further = shallowRef<readonly Page<T>[]>([]);
  const moreError = shallowRef<ApiError>();
  const isLoadingMore = ref(false);
  watch(first.value, () => {
    further.value = [];
    moreError.value = undefined;
  });

  const last = computed(() => further.value.at(-1) ?? first.value.value);

  async function loadMore(): Promise<void> {
    const before = last.value;
    if (!before?.hasMore || before.endCursor === undefined || isLoadingMore.value) return;
    isLoadingMore.value = true;
    try {
      const page = await load({ after: before.endCursor }, new AbortController().signal);
      // A reload in between replaced what this page continues.
      if (last.value === before) further.value = [...further.value, page];
      moreError.value = undefined;
    } catch (caught) {
      moreError.value = asApiError(caught);
    } finally {
      isLoadingMore.value = false;
    }
  }

  return {
    rows: computed(() => [...(first.value.value?.rows ?? []), ...further.value.flatMap((page) => page.rows)]),
    isLoading: computed(() => first.isLoading.value || isLoadingMore.value),
    hasMore: computed(() => last.value?.hasMore ?? false),
    error: computed(() => first.error.value ?? moreError.value),
    reload: first.reload,
    loadMore,
  };
}
