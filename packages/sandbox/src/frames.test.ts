import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { decodeJob, decodeReply, encodeJob, encodeReply, FrameCutter } from './frames.ts';

const aFrame = (id: number, body: string) => encodeReply({ id, kind: 2, logs: new Uint8Array(0), body: Buffer.from(body) });

describe('frames', () => {
  test('a job comes out as it went in', () => {
    const job = {
      id: 7,
      otherWorkspace: true,
      timeMs: 1,
      memoryBytes: 2,
      outputBytes: 3,
      logLines: 4,
      logBytes: 5,
      code: 'return "ä😀"',
      input: '{"a":"ö"}',
    };

    const read = decodeJob(encodeJob(job).subarray(4));

    expect({ ...read, code: Buffer.from(read.code).toString(), input: Buffer.from(read.input).toString() }).toEqual(job);
  });

  test('frames survive any cut of the stream', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 50 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 40 }),
        (bodies, cuts) => {
          const stream = Buffer.concat(bodies.map((body, id) => aFrame(id, body)));
          const cutter = new FrameCutter(10_000);
          const read: string[] = [];
          let at = 0;
          for (let i = 0; at < stream.length; i += 1) {
            const end = at + (cuts[i] ?? stream.length);
            cutter.push(stream.subarray(at, end));
            at = end;
            for (let frame = cutter.next(); frame !== undefined; frame = cutter.next())
              read.push(Buffer.from(decodeReply(frame)?.body ?? []).toString());
          }
          expect(read).toEqual(bodies);
        },
      ),
    );
  });

  test('a frame longer than allowed is refused before it is collected', () => {
    const cutter = new FrameCutter(100);
    cutter.push(Buffer.from([0xff, 0xff, 0xff, 0x7f]));

    expect(() => cutter.next()).toThrow(RangeError);
  });

  test('a reply whose lengths do not fit is no reply', () => {
    expect(decodeReply(Buffer.alloc(3))).toBeUndefined();
    expect(decodeReply(Buffer.from([1, 0, 0, 0, 2, 0xff, 0, 0, 0, 1]))).toBeUndefined();
  });
});
