/**
 * Where the counters of cables lie: on their cable, on no plate and on no other counter. Between plates that stand too near for its name
 * a counter leaves the cable and lies above it.
 */
import type { Cable } from './cable.ts';
import { touches } from './culling.ts';
import type { Box, Point } from './plate.ts';

export interface CableLabel {
  readonly cable: Cable;
  readonly name: string | undefined;
  readonly count: number | undefined;
  /** Several cables leave its socket: the counter stays nearer to where they part. */
  readonly hasSiblings: boolean;
}

const HEIGHT = 18;
const PADDING = 12;
const GAP = 4;
/** Of a letter of its small type, on average. */
const LETTER = 6.3;
/** Sockets stand out of a plate so far. */
const SOCKET = 6;
/** A lamp on the upper right edge of a plate. */
const LAMP = { right: 28, above: 11, size: 22 };
/** Steps along the cable, as parts of it, and away from it, in board pixels. */
const STEP = 0.06;
const ENDS = { first: 0.1, last: 0.9 };
const LIFT = 6;
const MOST_LIFT = 72;

/** Middles of the counters, in the order of the labels; undefined for a cable that shows none. */
export function labelPlaces(labels: readonly CableLabel[], plates: readonly Box[]): readonly (Point | undefined)[] {
  const taken = new Boxes();
  for (const plate of plates) {
    taken.add({ x: plate.x - SOCKET, y: plate.y, width: plate.width + 2 * SOCKET, height: plate.height });
    taken.add({ x: plate.x + plate.width - LAMP.right, y: plate.y - LAMP.above, width: LAMP.size, height: LAMP.size });
  }
  return labels.map((label) => {
    if (label.name === undefined && label.count === undefined) return undefined;
    const width = widthOf(label);
    const boxAt = ({ x, y }: Point): Box => ({ x: x - width / 2, y: y - HEIGHT / 2, width, height: HEIGHT });
    const wished = label.hasSiblings ? label.cable.along(0.34) : label.cable.middle;
    const place = candidates(label, wished).find((point) => taken.isFree(boxAt(point))) ?? wished;
    taken.add(boxAt(place));
    return place;
  });
}

function widthOf({ name, count }: CableLabel): number {
  const letters = (name?.length ?? 0) + (count?.toLocaleString('en').length ?? 0);
  return PADDING + letters * LETTER + (name !== undefined && count !== undefined ? GAP : 0);
}

/** The best place first: as wished, near it on the cable, above it, below it. */
function candidates({ cable, hasSiblings }: CableLabel, wished: Point): readonly Point[] {
  const from = hasSiblings ? 0.34 : 0.5;
  const found = [wished];
  for (let off = STEP; from + off <= ENDS.last || from - off >= ENDS.first; off += STEP)
    for (const part of [from + off, from - off]) if (part >= ENDS.first && part <= ENDS.last) found.push(cable.along(part));
  for (const side of [-1, 1]) for (let lift = LIFT; lift <= MOST_LIFT; lift += LIFT) found.push({ x: wished.x, y: wished.y + side * lift });
  return found;
}

/** Boxes by the squares they touch, so that one is compared with its neighbours alone. */
class Boxes {
  readonly #squares = new Map<string, Box[]>();

  add(box: Box): void {
    for (const key of squaresOf(box)) {
      const square = this.#squares.get(key);
      if (square) square.push(box);
      else this.#squares.set(key, [box]);
    }
  }

  isFree(box: Box): boolean {
    return squaresOf(box).every((key) => !this.#squares.get(key)?.some((other) => touches(box, other)));
  }
}

const SQUARE = 256;

function squaresOf({ x, y, width, height }: Box): readonly string[] {
  const keys: string[] = [];
  for (let column = Math.floor(x / SQUARE); column <= Math.floor((x + width) / SQUARE); column++)
    for (let row = Math.floor(y / SQUARE); row <= Math.floor((y + height) / SQUARE); row++) keys.push(`${column} ${row}`);
  return keys;
}
