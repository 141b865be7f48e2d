/** What somebody asks for who wants to go on from a run that has ended. */
import type { JsonObject } from '@plugboard/sdk';

/** Under which state of the workflow the new run goes on. */
export type RunSource = 'same' | 'live' | 'draft';

/** Items by input or output port. */
export type PortItems = { readonly [port: string]: readonly JsonObject[] };

export interface RerunRequest {
  readonly how: 'again' | 'retry' | 'rerun' | 'skip';
  readonly id: string;
  readonly source: RunSource;
  /** Id or name of the step it goes on from, or that is skipped. */
  readonly node?: string | undefined;
  /** What the step gets instead of its old input; of `skip` what it hands on instead of its input. */
  readonly items?: PortItems | undefined;
}
