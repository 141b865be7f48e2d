import { describe, expect, test } from 'vitest';
import { cableBetween, cableThrough, PLUG } from './cable.ts';
import { keptArea, touches } from './culling.ts';
import { detailLevel } from './level-of-detail.ts';
import { drawMini, MINI } from './mini-board.ts';
import { cableWords, readingOrder } from './order.ts';
import { boardBounds, PLATE, plateBox, plateHeight, socketPoint, socketTop } from './plate.ts';

const plate = (id: string, x: number, y: number, outputs: readonly string[] = ['main']) => ({
  id,
  position: { x, y },
  inputs: ['main'],
  outputs,
});

describe('plates and sockets', () => {
  test('a single socket sits in the middle of its side', () => {
    expect(socketPoint(plate('a', 100, 40), 'output', 'main')).toEqual({ x: 100 + PLATE.width, y: 40 + PLATE.height / 2 });
    expect(socketPoint(plate('a', 100, 40), 'input', 'main')).toEqual({ x: 100, y: 68 });
  });

  test('two sockets keep 24 pixels between them on a plain plate', () => {
    expect(plateHeight(1, 2)).toBe(PLATE.height);
    expect(socketTop(1, 2, PLATE.height) - socketTop(0, 2, PLATE.height)).toBe(24);
  });

  test('a plate with many outputs grows so that every socket stays on it', () => {
    const box = plateBox(plate('a', 0, 0, ['1', '2', '3', '4', '5']));
    const tops = [0, 1, 2, 3, 4].map((index) => socketTop(index, 5, box.height));
    expect(Math.min(...tops)).toBeGreaterThanOrEqual(12);
    expect(Math.max(...tops)).toBeLessThanOrEqual(box.height - 12);
  });

  test('a port the type does not have gives no socket', () => {
    expect(socketPoint(plate('a', 0, 0), 'output', 'gone')).toBeUndefined();
  });

  test('the bounds hold every plate, and an empty board has some', () => {
    expect(boardBounds([plateBox(plate('a', -50, 10)), plateBox(plate('b', 300, 200))])).toEqual({
      x: -50,
      y: 10,
      width: 526,
      height: 246,
    });
    expect(boardBounds([]).width).toBe(PLATE.width);
  });
});

describe('cables', () => {
  test('a cable begins and ends at the plugs', () => {
    const { path } = cableBetween({ x: 0, y: 10 }, { x: 100, y: 10 });
    expect(path.startsWith(`M${PLUG} 10C`)).toBe(true);
    expect(path.endsWith(` ${100 - PLUG} 10`)).toBe(true);
  });

  test('longer cables hang lower, up to a limit', () => {
    const sagOf = (length: number): number => cableBetween({ x: 0, y: 0 }, { x: length, y: 0 }).middle.y;
    expect(sagOf(400)).toBeGreaterThan(sagOf(100));
    expect(sagOf(100_000)).toBeLessThan(20);
  });

  test('a cable around corners ends at the plugs, and its counter rides on the longest part', () => {
    const { path, middle } = cableThrough(
      { x: 0, y: 0 },
      [
        { x: 30, y: 0 },
        { x: 30, y: 100 },
        { x: 400, y: 100 },
      ],
      { x: 500, y: 100 },
    );
    expect(path.startsWith(`M${PLUG} 0`)).toBe(true);
    expect(path.endsWith(`L${500 - PLUG} 100`)).toBe(true);
    expect(middle).toEqual({ x: 215, y: 100 });
  });

  test('points of a cable go from one plug to the other, around corners too', () => {
    const [from, to] = [
      { x: 0, y: 0 },
      { x: 200, y: 60 },
    ];
    for (const cable of [
      cableBetween(from, to),
      cableThrough(
        from,
        [
          { x: 100, y: 0 },
          { x: 100, y: 60 },
        ],
        to,
      ),
    ]) {
      expect([cable.along(0), cable.along(1)]).toEqual([
        { x: PLUG, y: 0 },
        { x: 200 - PLUG, y: 60 },
      ]);
    }
    expect(
      cableThrough(
        from,
        [
          { x: 100, y: 0 },
          { x: 100, y: 60 },
        ],
        to,
      ).along(0.5),
    ).toEqual({ x: 100, y: 30 });
  });

  test('a cable that goes back has room to turn', () => {
    const { path } = cableBetween({ x: 300, y: 0 }, { x: 0, y: 100 });
    const [, firstBend] = /C(-?[\d.]+)/.exec(path) ?? [];
    expect(Number(firstBend)).toBeGreaterThan(300 + PLUG + 20);
  });
});

test.each([
  [1.5, 'full'],
  [0.71, 'full'],
  [0.7, 'plain'],
  [0.41, 'plain'],
  [0.4, 'tile'],
  [0.19, 'tile'],
  [0.18, 'dots'],
])('at zoom %d the board shows %s', (zoom, level) => {
  expect(detailLevel(zoom)).toBe(level);
});

describe('culling', () => {
  test('plates in 1.5 windows around the middle stay, others go', () => {
    const area = keptArea({ x: 0, y: 0, zoom: 1, width: 1000, height: 800 });
    expect(touches(area, { x: 1100, y: 100, width: 176, height: 56 })).toBe(true);
    expect(touches(area, { x: 1300, y: 100, width: 176, height: 56 })).toBe(false);
  });

  test('the kept area follows pan and zoom', () => {
    expect(keptArea({ x: -500, y: 0, zoom: 0.5, width: 1000, height: 800 })).toEqual({ x: 500, y: -400, width: 3000, height: 2400 });
  });
});

describe('reading order', () => {
  test('follows the cables, ties from top to bottom', () => {
    const nodes = [plate('end', 600, 0), plate('low', 300, 200), plate('high', 300, 0), plate('start', 0, 100)];
    const edges = [
      { source: 'start', target: 'low' },
      { source: 'start', target: 'high' },
      { source: 'low', target: 'end' },
      { source: 'high', target: 'end' },
    ];
    const order = readingOrder(nodes, edges);
    expect(order[0]).toBe('start');
    expect(order.at(-1)).toBe('end');
    expect(order).toHaveLength(4);
  });

  test('nodes on a cycle are still reached, once each', () => {
    const edges = [
      { source: 'a', target: 'b' },
      { source: 'b', target: 'a' },
    ];
    expect(readingOrder([plate('b', 0, 50), plate('a', 0, 0)], edges)).toEqual(['a', 'b']);
  });

  test('an edge to a node that is gone breaks nothing', () => {
    expect(readingOrder([plate('a', 0, 0)], [{ source: 'gone', target: 'a' }])).toEqual(['a']);
  });

  test('a plate is named with where its cables come from and go to', () => {
    const edges = [
      { source: 'a', target: 'b' },
      { source: 'b', target: 'c' },
      { source: 'b', target: 'd' },
    ];
    expect(cableWords('b', edges, (id) => id.toUpperCase())).toBe('from A, to C and D');
    expect(cableWords('c', edges, (id) => id.toUpperCase())).toBe('from B');
  });
});

describe('mini-board', () => {
  test('every box of a small workflow lies inside the picture', () => {
    const preview = {
      nodes: [0, 1, 2, 3].map((n) => ({ id: `n${n}`, type: 'core/set', x: n * 2000, y: n === 1 ? 900 : 0 })),
      edges: [0, 1, 2].map((n) => ({ source: `n${n}`, target: `n${n + 1}` })),
    };
    const { boxes, cables } = drawMini(preview);
    expect(cables).toHaveLength(3);
    for (const box of boxes) {
      expect(box.x).toBeGreaterThanOrEqual(0);
      expect(box.x + MINI.boxWidth).toBeLessThanOrEqual(MINI.width);
      expect(box.y).toBeGreaterThanOrEqual(0);
      expect(box.y + MINI.boxHeight).toBeLessThanOrEqual(MINI.height);
    }
  });

  test('a loop is drawn in its place: the body right of it, what follows beside the body', () => {
    const nodes = ['hook', 'loop', 'body', 'after'].map((id, x) => ({ id, type: 't', x, y: id === 'body' ? 1 : 0 }));
    const edges = [
      { source: 'body', target: 'loop' },
      { source: 'hook', target: 'loop' },
      { source: 'loop', target: 'body' },
      { source: 'loop', target: 'after' },
    ];
    const { boxes, cables } = drawMini({ nodes, edges });
    const column = (id: string) => boxes.find((box) => box.id === id)?.x ?? Number.NaN;
    expect(column('hook')).toBeLessThan(column('loop'));
    expect(column('loop')).toBeLessThan(column('body'));
    expect(column('after')).toBe(column('body'));
    expect(cables).toHaveLength(3);
  });

  test('a cycle ends, and an empty workflow is an empty picture', () => {
    const nodes = ['a', 'b'].map((id) => ({ id, type: 't', x: 0, y: 0 }));
    const edges = [
      { source: 'a', target: 'b' },
      { source: 'b', target: 'a' },
    ];
    expect(drawMini({ nodes, edges }).boxes).toHaveLength(2);
    expect(drawMini({ nodes: [], edges: [] })).toEqual({ boxes: [], cables: [] });
  });
});
