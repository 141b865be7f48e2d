/** The run whose idempotency keys a run uses: one that repeats what another did not get done shares those of that one, any other has its own. */
import type { RunState } from '@plugboard/engine';

export function originOf({ id, state }: { readonly id: string; readonly state: Pick<RunState, 'origin'> }): string {
  return state.origin?.keys ?? id;
}
