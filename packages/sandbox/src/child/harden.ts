/**
 * Takes away what the child process does not need, then tries the doors that must be shut.
 * Node's permission model is a seat belt: QuickJS in WASM keeps user code from ever reaching this process's own
 * JavaScript; what is done here bounds the harm if that should fail.
 */
import childProcess from 'node:child_process';
import dgram from 'node:dgram';
import type { EventEmitter } from 'node:events';
import fs from 'node:fs';
import module from 'node:module';
import net from 'node:net';
import workerThreads from 'node:worker_threads';

/** Each door that was tried and is shut, with the error code that shut it. */
export type Probes = { readonly [door: string]: string };

const dangerous = [
  '_debugEnd',
  '_debugProcess',
  '_kill',
  '_linkedBinding',
  'abort',
  'binding',
  'chdir',
  'dlopen',
  'execve',
  'initgroups',
  'kill',
  'loadEnvFile',
  'report',
  'setegid',
  'seteuid',
  'setgid',
  'setgroups',
  'setuid',
];

export function removeDangerousMembers(): void {
  for (const name of dangerous) Reflect.deleteProperty(process, name);
  module.syncBuiltinESMExports();
  Object.preventExtensions(Object.prototype);
}

/**
 * Tries files, processes, threads and network, and looks for removed members.
 * @throws Error naming the door that is open; the process must not run user code then.
 */
export async function probeDenials(): Promise<Probes> {
  const probes: { [door: string]: string } = {
    'read files': denied('read files', () => fs.readFileSync('/etc/passwd')),
    'list folders': denied('list folders', () => fs.readdirSync('/')),
    'write files': denied('write files', () => fs.openSync('plugboard-probe', 'w')),
    'start processes': denied('start processes', () => childProcess.spawnSync('true')),
    'start threads': denied('start threads', () => new workerThreads.Worker('', { eval: true })),
    'make code from text': denied('make code from text', () => Reflect.construct(Function, ['return 1'])),
    listen: denied('listen', () => net.createServer().listen(0)),
    // Port 9 (discard): the answer must come from the permission model, before any packet leaves.
    connect: await deniedLater('connect', 'connect', () => net.connect(9, '127.0.0.1')),
    'send packets': await deniedLater('send packets', 'listening', () => dgram.createSocket('udp4').bind(0, '127.0.0.1')),
  };
  for (const name of dangerous) if (name in process) throw new Error(`process.${name} could not be removed`);
  if (Object.keys(process.env).length > 0) throw new Error('the environment is not empty');
  probes['process members'] = 'removed';
  return probes;
}

function denied(door: string, tryIt: () => unknown): string {
  try {
    tryIt();
  } catch (error) {
    return error instanceof EvalError ? 'EVAL_DISALLOWED' : accessDenied(door, error);
  }
  throw new Error(`"${door}" is not denied`);
}

/** For doors that answer with an event: `open` is the event that must not come. */
async function deniedLater(door: string, open: string, tryIt: () => EventEmitter): Promise<string> {
  const outcome = await new Promise((resolve) => {
    try {
      tryIt()
        .once(open, () => resolve(new Error('it is open')))
        .on('error', resolve);
    } catch (error) {
      resolve(error);
    }
  });
  return accessDenied(door, outcome);
}

/** Only the permission model's own refusal counts: a missing file or a closed port proves nothing. */
function accessDenied(door: string, error: unknown): string {
  const code = (error as { code?: unknown }).code;
  if (code === 'ERR_ACCESS_DENIED') return code;
  throw new Error(`"${door}" failed with ${String(code ?? error)}, not by permission`);
}
