/** A workflow as a picture of a few millimetres: the same wiring, squeezed into a row of a table. */
import type { Point } from './plate.ts';

export const MINI = { width: 92, height: 36, boxWidth: 13, boxHeight: 10 } as const;
const EDGE = 2;

export interface MiniBox extends Point {
  readonly id: string;
  readonly type: string;
}

export interface MiniDrawing {
  readonly boxes: readonly MiniBox[];
  readonly cables: readonly string[];
}

interface Preview {
  readonly nodes: readonly { readonly id: string; readonly type: string; readonly x: number; readonly y: number }[];
  readonly edges: readonly { readonly source: string; readonly target: string }[];
}

/** Columns by distance from the start, rows by height; what does not fit in five columns of three is left out at the end. */
export function drawMini(preview: Preview): MiniDrawing {
  const columns = columnsOf(preview).slice(0, 5);
  const step = columns.length > 1 ? Math.min(24, (MINI.width - 2 * EDGE - MINI.boxWidth) / (columns.length - 1)) : 0;
  const used = step * (columns.length - 1) + MINI.boxWidth;
  const left = Math.max(EDGE, Math.min((MINI.width - used) / 2, 8));
  const boxes = columns.flatMap((column, at) => {
    const shown = column.slice(0, 3);
    const gap = shown.length > 2 ? 12 : 20;
    const top = MINI.height / 2 - ((shown.length - 1) * gap) / 2;
    return shown.map((node, row) => ({ id: node.id, type: node.type, x: left + at * step, y: top + row * gap - MINI.boxHeight / 2 }));
  });
  const byId = new Map(boxes.map((box) => [box.id, box]));
  const cables = preview.edges.flatMap(({ source, target }) => {
    const from = byId.get(source);
    const to = byId.get(target);
    if (!from || !to || to.x <= from.x) return [];
    const start = { x: from.x + MINI.boxWidth, y: from.y + MINI.boxHeight / 2 };
    const end = { x: to.x, y: to.y + MINI.boxHeight / 2 };
    const bend = (end.x - start.x) * 0.6;
    const n = (value: number): number => Math.round(value * 10) / 10;
    return [
      `M${n(start.x)} ${n(start.y)}C${n(start.x + bend)} ${n(start.y + 1)} ${n(end.x - bend)} ${n(end.y + 1)} ${n(end.x)} ${n(end.y)}`,
    ];
  });
  return { boxes, cables };
}

function columnsOf({ nodes, edges }: Preview): Preview['nodes'][] {
  const onward = withoutWaysBack(nodes, edges);
  const depth = new Map(nodes.map((node) => [node.id, 0]));
  // Longest way from a start; as many rounds as nodes are enough.
  for (let round = 0; round < nodes.length; round += 1) {
    let isSettled = true;
    for (const { source, target } of onward) {
      const wanted = (depth.get(source) ?? 0) + 1;
      if (depth.has(source) && depth.has(target) && wanted > (depth.get(target) ?? 0)) {
        depth.set(target, wanted);
        isSettled = false;
      }
    }
    if (isSettled) break;
  }
  const columns = new Map<number, Preview['nodes'][number][]>();
  for (const node of nodes) {
    const at = depth.get(node.id) ?? 0;
    columns.set(at, [...(columns.get(at) ?? []), node]);
  }
  return [...columns.entries()].sort(([a], [b]) => a - b).map(([, column]) => column.sort((a, b) => a.y - b.y));
}

/** Edges without those that lead back to a node they come from, as the last of a round does: what is drawn goes from left to right. */
function withoutWaysBack(nodes: Preview['nodes'], edges: Preview['edges']): Preview['edges'] {
  const leaving = new Map<string, Preview['edges'][number][]>();
  for (const edge of edges) leaving.set(edge.source, [...(leaving.get(edge.source) ?? []), edge]);
  const entered = new Set(edges.map((edge) => edge.target));
  const done = new Set<string>();
  const onward: Preview['edges'][number][] = [];
  const walk = (id: string, way: ReadonlySet<string>): void => {
    if (done.has(id)) return;
    done.add(id);
    const further = new Set([...way, id]);
    for (const edge of leaving.get(id) ?? []) {
      if (further.has(edge.target)) continue;
      onward.push(edge);
      walk(edge.target, further);
    }
  };
  for (const node of [...nodes].sort((a, b) => Number(entered.has(a.id)) - Number(entered.has(b.id)))) walk(node.id, new Set());
  return onward;
}
