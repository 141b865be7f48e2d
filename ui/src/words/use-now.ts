/** A clock for relative times: one timer for the whole page, stopped while nobody looks. */
import { onScopeDispose, readonly, ref, type Ref } from 'vue';

const EVERY_MS = 15_000;
const now = ref(Date.now());
let watchers = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** Milliseconds since 1970, a quarter of a minute old at most. */
export function useNow(): Readonly<Ref<number>> {
  watchers += 1;
  now.value = Date.now();
  timer ??= setInterval(() => {
    if (document.visibilityState === 'visible') now.value = Date.now();
  }, EVERY_MS);
  onScopeDispose(() => {
    watchers -= 1;
    if (watchers > 0) return;
    clearInterval(timer);
    timer = undefined;
  });
  return readonly(now);
}
