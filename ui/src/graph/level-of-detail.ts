/** What is worth drawing at a zoom. The board carries the level as a class; nothing is mounted or unmounted for it. */

/** `full`: everything. `plain`: tile, title, lamp. `tile`: coloured tile with icon. `dots`: rectangles on one canvas. */
export type DetailLevel = 'full' | 'plain' | 'tile' | 'dots';

export function detailLevel(zoom: number): DetailLevel {
  if (zoom > 0.7) return 'full';
  if (zoom > 0.4) return 'plain';
  if (zoom > 0.18) return 'tile';
  return 'dots';
}
