/**
 * The child process: reads jobs from stdin, runs each in QuickJS, writes replies to stdout.
 *
 * After start-up it is one blocking loop without an event loop: nothing in here is asynchronous, a job costs one read
 * and one write, and the end of stdin (the parent is gone) ends the process. Cleaning up after a job happens once its
 * reply is written, while the parent is busy with it.
 */
import fs from 'node:fs';
import { decodeJob, encodeReply, FrameCutter, frameKind } from '../frames.ts';
import { probeDenials, removeDangerousMembers } from './harden.ts';
import { Machine } from './machine.ts';

const stdin = 0;
const stdout = 1;
const readBytes = 256 * 1024;

const [wasmPath, maxFrameBytes] = process.argv.slice(2);
if (wasmPath === undefined || maxFrameBytes === undefined) throw new Error('usage: main <path of quickjs.wasm> <max frame bytes>');
const parent = process.ppid;
const wasm = fs.readFileSync(wasmPath);
removeDangerousMembers();
dropFileAccess();
const probes = await probeDenials();
const machine = new Machine(wasm, () => process.ppid !== parent);
machine.prepare();
write(encodeReply({ id: 0, kind: frameKind.ready, logs: new Uint8Array(0), body: Buffer.from(JSON.stringify(probes)) }));
serve(new FrameCutter(Number(maxFrameBytes)));
process.exit(0);

function serve(frames: FrameCutter): void {
  const chunk = Buffer.allocUnsafeSlow(readBytes);
  for (;;) {
    const frame = frames.next();
    if (frame !== undefined) {
      write(encodeReply(machine.run(decodeJob(frame))));
      machine.prepare();
      continue;
    }
    const length = fs.readSync(stdin, chunk);
    if (length === 0) return;
    frames.push(Buffer.from(chunk.subarray(0, length)));
  }
}

function write(bytes: Buffer): void {
  let at = 0;
  while (at < bytes.length) at += fs.writeSync(stdout, bytes, at);
}

/** From here on not even the program's own files can be read. */
function dropFileAccess(): void {
  const permission = process.permission as { drop?: (scope: string) => void } | undefined;
  permission?.drop?.('fs.read');
}
