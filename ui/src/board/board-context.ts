/** What a plate may know of the board it lies on. */
import type { InjectionKey, Ref } from 'vue';
import type { CableState, PlateState } from './board-state.ts';

export interface BoardContext {
  /** Reactive by key: reading one plate's state follows that plate only. */
  readonly plates: ReadonlyMap<string, PlateState>;
  /** Node whose details are open. */
  readonly chosen: Readonly<Ref<string | undefined>>;
  /** Node that has the board's one tab stop. */
  readonly focus: Ref<string | undefined>;
  readonly choose: (id: string) => void;
  /** Where its cables come from and go to, for its name. */
  readonly words: (id: string) => string;
  /** Tone of what is plugged into a socket; undefined when it is free. */
  readonly plugged: (id: string, side: 'input' | 'output', port: string) => CableState['tone'] | undefined;
}

export const BOARD_KEY: InjectionKey<BoardContext> = Symbol('board');
