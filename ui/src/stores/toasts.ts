/** What finished elsewhere or can be undone. Anything about a field, a row or a form is said there instead. */
import { defineStore } from 'pinia';
import { ref } from 'vue';
import type { LampState } from '../kit/lamp.ts';

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly state: LampState;
  readonly action?: { readonly title: string; readonly run: () => void };
}

/** Milliseconds a toast stays, while neither pointer nor focus rests on it. */
export const TOAST_MS = 6_000;
const AT_MOST = 3;

export const useToasts = defineStore('toasts', () => {
  const toasts = ref<readonly Toast[]>([]);
  let lastId = 0;

  function show(text: string, options: { readonly state?: LampState; readonly action?: Toast['action'] } = {}): number {
    lastId += 1;
    const toast: Toast = { id: lastId, text, state: options.state ?? 'succeeded', action: options.action };
    toasts.value = [...toasts.value, toast].slice(-AT_MOST);
    return toast.id;
  }

  function close(id: number): void {
    toasts.value = toasts.value.filter((toast) => toast.id !== id);
  }

  return { toasts, show, close };
});
