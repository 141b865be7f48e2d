/** Asks again every so often while somebody looks, for what no live news tells of. */
import { onBeforeUnmount, onMounted } from 'vue';

/** @param everyMs milliseconds between two askings, and the longest a page that is looked at again stays old */
export function useRefresh(ask: () => void, everyMs: number): void {
  let timer: ReturnType<typeof setInterval> | undefined;
  const isLookedAt = (): boolean => document.visibilityState === 'visible';
  const onVisible = (): void => {
    if (isLookedAt()) ask();
  };
  onMounted(() => {
    timer = setInterval(onVisible, everyMs);
    document.addEventListener('visibilitychange', onVisible);
  });
  onBeforeUnmount(() => {
    clearInterval(timer);
    document.removeEventListener('visibilitychange', onVisible);
  });
}
