/** Who is signed in, and in which workspace this page works. */
import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import type { PlugboardApi, Role, Session, WorkspaceRef } from '../api/types.ts';

/** Refusals within this time are answered by one question, in ms. */
const REFRESH_WITHIN_MS = 200;

export const useSession = defineStore('session', () => {
  const session = shallowRef<Session>();
  /** The server ended the session while a page is open. What is on it stays until the person leaves it. */
  const isOver = ref(false);
  const slug = ref<string>();

  const workspaces = computed<readonly WorkspaceRef[]>(() => (session.value?.kind === 'signedIn' ? session.value.workspaces : []));
  const workspace = computed(() => workspaces.value.find((one) => one.slug === slug.value));
  const role = computed<Role>(() => workspace.value?.role ?? 'viewer');
  const person = computed(() => (session.value?.kind === 'signedIn' ? session.value.person : undefined));
  const isOperator = computed(() => session.value?.kind === 'signedIn' && session.value.isOperator);

  async function load(api: PlugboardApi): Promise<Session> {
    const loaded = await api.getSession();
    // The open page keeps its person: it is left by signing in again, not by going blank.
    if (loaded.kind === 'signedOut' && session.value?.kind === 'signedIn') {
      isOver.value = true;
      return loaded;
    }
    session.value = loaded;
    isOver.value = false;
    return loaded;
  }

  let waiting: ReturnType<typeof setTimeout> | undefined;
  /** After a refusal; several at once ask once. What cannot be asked now is asked at the next refusal. */
  function refresh(api: PlugboardApi): void {
    waiting ??= setTimeout(() => {
      waiting = undefined;
      if (session.value?.kind === 'signedIn') load(api).catch(() => undefined);
    }, REFRESH_WITHIN_MS);
  }

  function forget(): void {
    session.value = undefined;
    isOver.value = false;
  }

  function enter(workspaceSlug: string): void {
    slug.value = workspaceSlug;
  }

  return { session, workspaces, workspace, slug, role, person, isOperator, isOver, load, refresh, forget, enter };
});
