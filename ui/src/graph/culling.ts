/** Which plates are near enough to the window to be worth keeping in the page. */
import type { Box } from './plate.ts';

/** How much of the board is kept: the window plus half of it on each side makes 1.5 windows around its middle. */
const MARGIN = 0.25;

export interface Viewport {
  /** Translation of the board in screen pixels. */
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
  /** Size of the window onto the board in screen pixels. */
  readonly width: number;
  readonly height: number;
}

/** The part of the board that stays drawn, in board pixels. */
export function keptArea({ x, y, zoom, width, height }: Viewport): Box {
  const shown = { x: -x / zoom, y: -y / zoom, width: width / zoom, height: height / zoom };
  return {
    x: shown.x - shown.width * MARGIN,
    y: shown.y - shown.height * MARGIN,
    width: shown.width * (1 + 2 * MARGIN),
    height: shown.height * (1 + 2 * MARGIN),
  };
}

export function touches(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
