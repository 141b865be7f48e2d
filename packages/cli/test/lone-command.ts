/** Commands on a data folder where no server runs. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAIN, type Output } from './plugboard-process.ts';

export class Lone {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'plugboard-lone-'));
  readonly #env: Readonly<Record<string, string>>;

  constructor(env: Readonly<Record<string, string>> = {}) {
    this.#env = env;
  }

  command(...args: string[]): Output {
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], PLUGBOARD_DATA: this.dataDir, ...this.#env };
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { env, encoding: 'utf8', timeout: 180_000 });
    return { code: status, stdout, stderr };
  }

  remove(): void {
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
