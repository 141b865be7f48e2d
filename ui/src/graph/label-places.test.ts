import { describe, expect, test } from 'vitest';
import { cableBetween } from './cable.ts';
import { touches } from './culling.ts';
import { type CableLabel, labelPlaces } from './label-places.ts';
import { type Box, type PlateNode, type Point, plateBox, socketPoint } from './plate.ts';

const plate = (id: string, x: number, y: number, outputs: readonly string[] = ['main']): PlateNode => ({
  id,
  position: { x, y },
  inputs: ['main'],
  outputs,
});
function label(from: PlateNode, port: string, to: PlateNode, more: Partial<CableLabel> = {}): CableLabel {
  const [start, end] = [socketPoint(from, 'output', port), socketPoint(to, 'input', 'main')];
  if (!start || !end) throw new Error('there is no such socket');
  return { cable: cableBetween(start, end), name: port, count: undefined, hasSiblings: false, ...more };
}
/** As the page draws it. */
const boxOf = ({ name, count }: CableLabel, at: Point): Box => {
  const width = 12 + 6 * ((name ?? '').length + (count === undefined ? 0 : String(count).length));
  return { x: at.x - width / 2, y: at.y - 9, width, height: 18 };
};

function laidOut(nodes: readonly PlateNode[], labels: readonly CableLabel[]) {
  const places = labelPlaces(labels, nodes.map(plateBox));
  return labels.map((one, index) => {
    const place = places[index];
    if (!place) throw new Error('the label has no place');
    return { place, box: boxOf(one, place) };
  });
}

describe('counters of cables', () => {
  const ask = plate('ask', 440, 0, ['Approved', 'Rejected', 'Too late']);
  const pay = plate('pay', 660, 0);
  const tell = plate('tell', 660, 160);

  test('ride on the middle of their cable where there is room', () => {
    const far = plate('far', 900, 0);
    const one = label(ask, 'Approved', far, { count: 12 });
    expect(labelPlaces([one], [ask, far].map(plateBox))).toEqual([one.cable.middle]);
  });

  test('of two cables to one socket lie apart, and both on their cables', () => {
    const labels = [label(ask, 'Rejected', tell), label(ask, 'Too late', tell)];
    const [rejected, late] = laidOut([ask, pay, tell], labels);
    expect(touches(rejected!.box, late!.box)).toBe(false);
    for (const [index, { place }] of [rejected!, late!].entries()) {
      const parts = Array.from({ length: 101 }, (_, part) => labels[index]!.cable.along(part / 100));
      expect(Math.min(...parts.map((point) => Math.hypot(point.x - place.x, point.y - place.y)))).toBeLessThan(4);
    }
  });

  test('too wide for the room between two plates lie above it, on neither of them', () => {
    const nodes = [ask, pay, tell];
    const [approved] = laidOut(nodes, [label(ask, 'Approved', pay)]);
    expect(nodes.filter((node) => touches(approved!.box, plateBox(node)))).toEqual([]);
    expect(approved!.place.y).toBeLessThan(0);
  });

  test('of several cables out of one socket lie where they part, each on its own', () => {
    const [near, middle, low] = [plate('a', 660, 0), plate('b', 660, 80), plate('c', 660, 160)];
    const start = plate('start', 300, 80);
    const labels = [near, middle, low].map((to) => label(start, 'main', to, { name: undefined, count: 3, hasSiblings: true }));
    const boxes = laidOut([start, near, middle, low], labels).map(({ box }) => box);
    for (const [index, box] of boxes.entries()) expect(boxes.filter((other, at) => at !== index && touches(box, other))).toEqual([]);
    expect(boxes.every((box) => box.x < 600)).toBe(true);
  });

  test('keep to their cable when every place is taken, and none is drawn for a cable without words', () => {
    const wall: Box = { x: -1000, y: -1000, width: 4000, height: 4000 };
    const one = label(ask, 'Approved', pay);
    expect(labelPlaces([one, { ...one, name: undefined }], [wall])).toEqual([one.cable.middle, undefined]);
  });
});
