/** How many notifications a person has not read: asked when the server says so, and now and then in case it could not. */
import { defineStore } from 'pinia';
import { ref } from 'vue';
import type { PlugboardApi, Stop } from '../api/types.ts';

/** How often it is asked while the page is looked at, in milliseconds. */
const ASK_EVERY_MS = 60_000;

export const useNotifications = defineStore('notifications', () => {
  const unread = ref(0);
  /** Grows when there may be something new to show. */
  const news = ref(0);

  async function count(api: PlugboardApi): Promise<void> {
    try {
      unread.value = await api.countUnreadNotifications();
    } catch {
      // The count stays as it was; that the server does not answer is said by the bar above the page.
    }
  }

  /** Until it is stopped. */
  function watch(api: PlugboardApi, personId: string): Stop {
    const ask = (): void => {
      if (document.visibilityState === 'visible') void count(api);
    };
    const timer = setInterval(ask, ASK_EVERY_MS);
    document.addEventListener('visibilitychange', ask);
    const stop = api.watchPerson(personId, () => {
      news.value += 1;
      void count(api);
    });
    ask();
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', ask);
      stop();
    };
  }

  return { unread, news, count, watch };
});
