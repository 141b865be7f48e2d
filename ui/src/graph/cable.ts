/** The course of a cable: out of a ferrule, a little slack, into the next. Pure text for an SVG path, and the place of its counter. */
import type { Point } from './plate.ts';

/** How far a plug stands out of its socket's centre. */
export const PLUG = 9;
const LEAST_BEND = 26;
const MOST_SAG = 22;

export interface Cable {
  /** SVG path data. */
  readonly path: string;
  /** Where the counter rides: the middle of the curve. */
  readonly middle: Point;
  /** A point of it; 0 is its beginning, 1 its end. */
  readonly along: (part: number) => Point;
}

/** `from` and `to` are socket centres; `from` leaves to the right, `to` is entered from the left. */
export function cableBetween(from: Point, to: Point): Cable {
  const start = { x: from.x + PLUG, y: from.y };
  const end = { x: to.x - PLUG, y: to.y };
  const dx = end.x - start.x;
  const dy = end.y - start.y;
  // Backwards the curve needs room to turn around.
  const bend = dx >= 0 ? Math.max(Math.min(LEAST_BEND, dx / 2 + 12), dx / 2) : Math.min(180, LEAST_BEND + Math.abs(dx) / 3);
  const sag = Math.min(MOST_SAG, Math.hypot(dx, dy) * 0.038);
  const one = { x: start.x + bend, y: start.y + sag };
  const two = { x: end.x - bend, y: end.y + sag };
  const along = (part: number): Point => onCurve(start, one, two, end, part);
  return { path: `M${text(start)}C${text(one)} ${text(two)} ${text(end)}`, middle: along(0.5), along };
}

/** A cable laid around corners, for where a free one would lie on plates. Its counter rides on the longest part. */
export function cableThrough(from: Point, corners: readonly Point[], to: Point): Cable {
  const points = [{ x: from.x + PLUG, y: from.y }, ...corners, { x: to.x - PLUG, y: to.y }];
  let path = `M${text(points[0] ?? from)}`;
  let middle = from;
  let longest = 0;
  points.forEach((point, index) => {
    const before = points[index - 1];
    const after = points[index + 1];
    if (before === undefined) return;
    const length = Math.hypot(point.x - before.x, point.y - before.y);
    if (length > longest) [longest, middle] = [length, { x: (point.x + before.x) / 2, y: (point.y + before.y) / 2 }];
    path += after === undefined ? `L${text(point)}` : `L${text(towards(point, before))}Q${text(point)} ${text(towards(point, after))}`;
  });
  return { path, middle, along: (part) => onLine(points, part) };
}

function onLine(points: readonly Point[], part: number): Point {
  const parts = points.slice(1).map((to, index) => ({ from: points[index] ?? to, to }));
  const lengthOf = ({ from, to }: (typeof parts)[number]): number => Math.hypot(to.x - from.x, to.y - from.y);
  let left = part * parts.reduce((sum, one) => sum + lengthOf(one), 0);
  for (const one of parts) {
    const length = lengthOf(one);
    if (left <= length && length > 0)
      return { x: one.from.x + ((one.to.x - one.from.x) * left) / length, y: one.from.y + ((one.to.y - one.from.y) * left) / length };
    left -= length;
  }
  return points.at(-1) ?? { x: 0, y: 0 };
}

const CORNER = 10;

/** A little way from a corner to its neighbour, and never past the middle. */
function towards(corner: Point, other: Point): Point {
  const length = Math.hypot(other.x - corner.x, other.y - corner.y);
  const share = length === 0 ? 0 : Math.min(CORNER / length, 0.5);
  return { x: corner.x + (other.x - corner.x) * share, y: corner.y + (other.y - corner.y) * share };
}

function onCurve(a: Point, b: Point, c: Point, d: Point, t: number): Point {
  const u = 1 - t;
  const mix = (p: number, q: number, r: number, s: number): number => u * u * u * p + 3 * u * u * t * q + 3 * u * t * t * r + t * t * t * s;
  return { x: mix(a.x, b.x, c.x, d.x), y: mix(a.y, b.y, c.y, d.y) };
}

function text({ x, y }: Point): string {
  return `${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}`;
}
