import { describe, expect, test } from 'vitest';
import { framesOf, loopsOf, wayAround } from './loop-frames.ts';
import { readingOrder } from './order.ts';
import { plateBox, socketPoint } from './plate.ts';

const plate = (id: string, column: number, y = 0) => ({ id, position: { x: column * 240, y }, inputs: ['main'], outputs: ['main'] });
const loop = (id: string, column: number) => ({ ...plate(id, column), inputs: ['main', 'next'], outputs: ['body', 'done'] });
const cable = (source: string, target: string, sourceHandle = 'main', targetHandle = 'main') => ({
  source,
  sourceHandle,
  target,
  targetHandle,
});

const NODES = [plate('start', 0), loop('months', 1), loop('days', 2), plate('sum', 3), plate('send', 4)];
const EDGES = [
  cable('start', 'months'),
  cable('months', 'days', 'body'),
  cable('days', 'sum', 'body'),
  cable('sum', 'days', 'main', 'next'),
  cable('days', 'months', 'done', 'next'),
  cable('months', 'send', 'done'),
];
const byId = new Map(NODES.map((node) => [node.id, node]));
const loops = loopsOf(NODES, EDGES);
const frames = framesOf(loops, byId);
const frameOf = (id: string) => frames.get(id) ?? expect.fail(`no frame of ${id}`);
const pointsOf = (edge: (typeof EDGES)[number]) => {
  const [source, target] = [byId.get(edge.source), byId.get(edge.target)];
  if (!source || !target) return expect.fail('no such cable');
  return [socketPoint(source, 'output', edge.sourceHandle), socketPoint(target, 'input', edge.targetHandle)].map(
    (point) => point ?? expect.fail('no such socket'),
  ) as [{ x: number; y: number }, { x: number; y: number }];
};

describe('frames of loops', () => {
  test('a loop has the nodes it repeats, those of loops inside it too', () => {
    expect(loops).toEqual([
      { id: 'months', nodes: ['days', 'sum'], depth: 1 },
      { id: 'days', nodes: ['sum'], depth: 2 },
    ]);
  });

  test('a frame holds its plates, the frames inside it and the lanes beneath them', () => {
    const [outer, inner] = [frameOf('months'), frameOf('days')];
    const sum = plateBox(plate('sum', 3));
    expect(inner.x).toBeLessThan(sum.x);
    expect(inner.y + inner.height).toBeGreaterThan(sum.y + sum.height);
    expect(outer.x).toBeLessThan(plateBox(plate('days', 2)).x);
    expect(outer.x + outer.width).toBeGreaterThan(inner.x + inner.width);
    expect(outer.y + outer.height).toBeGreaterThan(inner.back);
  });

  test('the way back runs beneath the frame and its loop', () => {
    const edge = cable('sum', 'days', 'main', 'next');
    const frame = frameOf('days');
    const way = wayAround(edge, ...pointsOf(edge), frame) ?? [];
    const lowest = Math.max(...way.map(({ y }) => y));
    expect(lowest).toBeGreaterThan(frame.y + frame.height);
    expect(lowest).toBe(frame.back);
  });

  test('what comes after a loop goes around its body, and hangs freely where nothing is in the way', () => {
    const edge = cable('months', 'send', 'done');
    const frame = frameOf('months');
    const [from, to] = pointsOf(edge);
    expect(wayAround(edge, from, to, frame)?.some(({ y }) => y > frame.y + frame.height)).toBe(true);
    expect(wayAround(edge, from, { x: to.x, y: frame.y - 400 }, { ...frame, y: frame.y + 600 })).toBeUndefined();
  });
});

test('a loop comes before its body, and its body before what comes after it', () => {
  expect(readingOrder(NODES, EDGES)).toEqual(['start', 'months', 'days', 'sum', 'send']);
});
