/** The server, handed down from the boot file. Pages ask for it; the gallery hands down example data instead. */
import { type InjectionKey, inject, provide } from 'vue';
import type { PlugboardApi } from './types.ts';

export const API_KEY: InjectionKey<PlugboardApi> = Symbol('api');

/** @throws Error outside a tree that was given an API: a mistake of the program. */
export function useApi(): PlugboardApi {
  const api = inject(API_KEY, undefined);
  if (api === undefined) throw new Error('No API is provided above this component; call provideApi in the boot file.');
  return api;
}

export function provideApi(api: PlugboardApi): void {
  provide(API_KEY, api);
}
