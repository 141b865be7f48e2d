/**
 * Where loops lie on the board: a frame around the body of each, the way back of a round beneath it, and a way around it for what comes
 * after. Pure: from places alone.
 */
import { BODY_PORT, DONE_PORT, loopsAround, NEXT_PORT } from '@plugboard/engine';
import { type Box, boardBounds, plateBox, type PlateNode, type Point } from './plate.ts';

/** A node that repeats others, with all nodes it repeats. */
export interface BoardLoop {
  readonly id: string;
  /** Those in loops inside it too. */
  readonly nodes: readonly string[];
  /** Loops around its body, itself included. */
  readonly depth: number;
}

interface LoopEdge {
  readonly source: string;
  readonly sourceHandle: string;
  readonly target: string;
  readonly targetHandle: string;
}

const isLoop = (node: PlateNode | undefined): boolean =>
  node !== undefined && node.inputs.includes(NEXT_PORT) && node.outputs.includes(BODY_PORT) && node.outputs.includes(DONE_PORT);

/** Outer loops before those inside them. */
export function loopsOf(nodes: readonly PlateNode[], edges: readonly LoopEdge[]): BoardLoop[] {
  const places = new Map(nodes.map((node, index) => [node.id, index]));
  const numbered = edges.flatMap(({ source, sourceHandle, target, targetHandle }) => {
    const [from, to] = [places.get(source), places.get(target)];
    return from === undefined || to === undefined ? [] : [{ from, port: sourceHandle, to, input: targetHandle }];
  });
  const around = loopsAround(nodes.length, numbered, (index) => isLoop(nodes[index]));

  return nodes
    .flatMap((node, index) => {
      if (!isLoop(node)) return [];
      const body = nodes.filter((_, other) => around[other]?.includes(index));
      return body.length === 0 ? [] : [{ id: node.id, nodes: body.map(({ id }) => id), depth: (around[index]?.length ?? 0) + 1 }];
    })
    .sort((a, b) => a.depth - b.depth);
}

/** Between the plates of a body and its frame; above there is room for the caption and what stands over a plate. */
const MARGIN = { side: 24, top: 34, bottom: 40 } as const;
/** Between a frame and the cables that go around it. */
const LANE = 18;

export interface LoopFrame extends Box {
  readonly id: string;
  readonly depth: number;
  /** Height at which the way back runs, and the one at which what comes after goes around the frame. */
  readonly back: number;
  readonly around: number;
}

/** Frames by the id of their loop, outer ones first. */
export function framesOf(loops: readonly BoardLoop[], byId: ReadonlyMap<string, PlateNode>): ReadonlyMap<string, LoopFrame> {
  const frames = new Map<string, LoopFrame>();
  for (const loop of loops.toReversed()) {
    const own = byId.get(loop.id);
    const boxes = loop.nodes.flatMap((id) => {
      const node = byId.get(id);
      const frame = frames.get(id);
      // A loop inside brings its frame and the lanes beneath it.
      return [...(node ? [plateBox(node)] : []), ...(frame ? [{ ...frame, height: frame.around - frame.y }] : [])];
    });
    if (own === undefined || boxes.length === 0) continue;
    const inner = boardBounds(boxes);
    const plate = plateBox(own);
    const height = inner.height + MARGIN.top + MARGIN.bottom;
    const bottom = Math.max(inner.y - MARGIN.top + height, plate.y + plate.height + MARGIN.bottom / 2);
    frames.set(loop.id, {
      id: loop.id,
      depth: loop.depth,
      x: inner.x - MARGIN.side,
      y: inner.y - MARGIN.top,
      width: inner.width + 2 * MARGIN.side,
      height,
      around: bottom + LANE,
      back: bottom + 2 * LANE,
    });
  }
  return new Map([...frames].toReversed());
}

/**
 * The corners a cable of a loop goes by, or nothing where it may hang freely.
 * @param frame of the loop the cable leads back to, or comes out of
 */
export function wayAround(edge: LoopEdge, from: Point, to: Point, frame: LoopFrame): readonly Point[] | undefined {
  if (edge.target === frame.id && edge.targetHandle === NEXT_PORT) return turned(from, to, frame.back);
  if (edge.source !== frame.id || edge.sourceHandle !== DONE_PORT || !crosses(from, to, frame)) return undefined;
  return to.x - from.x < 4 * STUB ? undefined : turned(from, to, frame.around);
}

/** How far a cable stands out before it turns. */
const STUB = 20;

/** Down to a lane, along it, and up to its end. */
function turned(from: Point, to: Point, lane: number): Point[] {
  const [out, inwards] = [from.x + STUB, to.x - STUB];
  return [
    { x: out, y: from.y },
    { x: out, y: lane },
    { x: inwards, y: lane },
    { x: inwards, y: to.y },
  ];
}

/** Whether the straight way lies on the frame. */
function crosses(from: Point, to: Point, frame: Box): boolean {
  const left = Math.max(from.x, frame.x);
  const right = Math.min(to.x, frame.x + frame.width);
  if (left >= right) return false;
  const heightAt = (x: number): number => from.y + ((to.y - from.y) * (x - from.x)) / (to.x - from.x);
  const [a, b] = [heightAt(left), heightAt(right)];
  return Math.max(a, b) > frame.y && Math.min(a, b) < frame.y + frame.height;
}
