/** Who is signed in, and in which workspace this page works. */
import { defineStore } from 'pinia';
import { computed, ref, shallowRef } from 'vue';
import type { PlugboardApi, Role, Session, WorkspaceRef } from '../api/types.ts';

export const useSession = defineStore('session', () => {
  const session = shallowRef<Session>();
  const slug = ref<string>();

  const workspaces = computed<readonly WorkspaceRef[]>(() => (session.value?.kind === 'signedIn' ? session.value.workspaces : []));
  const workspace = computed(() => workspaces.value.find((one) => one.slug === slug.value));
  const role = computed<Role>(() => workspace.value?.role ?? 'viewer');
  const person = computed(() => (session.value?.kind === 'signedIn' ? session.value.person : undefined));
  const isOperator = computed(() => session.value?.kind === 'signedIn' && session.value.isOperator);

  async function load(api: PlugboardApi): Promise<Session> {
    const loaded = await api.getSession();
    session.value = loaded;
    return loaded;
  }

  function forget(): void {
    session.value = undefined;
  }

  function enter(workspaceSlug: string): void {
    slug.value = workspaceSlug;
  }

  return { session, workspaces, workspace, slug, role, person, isOperator, load, forget, enter };
});
