/**
 * Where a node's plate and its sockets lie on the board, in board pixels (100 % zoom). Pure: from the definition and the catalog alone,
 * so that cables, culling, the mini-board and tests agree without a browser.
 */

/** Size of a plain plate. */
export const PLATE = { width: 176, height: 56 } as const;
/** Distance between two sockets on one side. */
const SOCKET_STEP = 24;
/** Room above the first and below the last socket. */
const SOCKET_MARGIN = 17;

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

export interface PlateNode {
  readonly id: string;
  readonly position: Point;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** Height grows with the fuller side; two sockets fit the plain plate. */
export function plateHeight(inputs: number, outputs: number): number {
  const most = Math.max(inputs, outputs, 1);
  return Math.max(PLATE.height, (most - 1) * SOCKET_STEP + 2 * SOCKET_MARGIN - 2);
}

export function plateBox(node: PlateNode): Box {
  return { x: node.position.x, y: node.position.y, width: PLATE.width, height: plateHeight(node.inputs.length, node.outputs.length) };
}

/** Offset of socket `index` of `count` from the plate's top. One socket sits in the middle, several spread around it. */
export function socketTop(index: number, count: number, height: number): number {
  return height / 2 + (index - (count - 1) / 2) * SOCKET_STEP;
}

/** Centre of a socket on the board; undefined when the node has no such port. */
export function socketPoint(node: PlateNode, side: 'input' | 'output', port: string): Point | undefined {
  const ports = side === 'input' ? node.inputs : node.outputs;
  const index = ports.indexOf(port);
  if (index < 0) return undefined;
  const box = plateBox(node);
  return { x: side === 'input' ? box.x : box.x + box.width, y: box.y + socketTop(index, ports.length, box.height) };
}

/** The box around all plates; a plain plate at the origin when there are none. */
export function boardBounds(boxes: readonly Box[]): Box {
  if (boxes.length === 0) return { x: 0, y: 0, width: PLATE.width, height: PLATE.height };
  const left = Math.min(...boxes.map((box) => box.x));
  const top = Math.min(...boxes.map((box) => box.y));
  const right = Math.max(...boxes.map((box) => box.x + box.width));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height));
  return { x: left, y: top, width: right - left, height: bottom - top };
}
