/** Password hashes: argon2id as PHC text, at most two at work at once, and the same effort whether the person exists or not. */
import { hash, verify } from '@node-rs/argon2';
import { OperationProblem } from '../operation/problem.ts';

export interface Passwords {
  hash(password: string): Promise<string>;
  /** `phc` is undefined for somebody who does not exist or has no password: the answer is no, after the usual time. */
  verify(phc: string | undefined, password: string): Promise<boolean>;
}

/** 64 MiB and three passes of argon2id, which the library numbers 2. */
const ARGON2ID = 2;
const OPTIONS = { algorithm: ARGON2ID, memoryCost: 64 * 1024, timeCost: 3, parallelism: 1 } as const;
const AT_ONCE = 2;
/** More than this many waiting are told to come back. */
const WAITING = 100;
/** More than this would only be a way to make the server hash for ever. */
const MAX_LENGTH = 1024;

export function createPasswords(options: { readonly memoryCost?: number; readonly timeCost?: number } = {}): Passwords {
  const cost = { ...OPTIONS, ...options };
  const lane = limited(AT_ONCE);
  let decoy: Promise<string> | undefined;
  return {
    hash: (password) => lane(() => hash(password, cost)),
    async verify(phc, password) {
      if (password.length > MAX_LENGTH) return false;
      const nobody = await (decoy ??= lane(() => hash('nobody has this password', cost)));
      const matches = await lane(() => verify(phc ?? nobody, password));
      return matches && phc !== undefined;
    },
  };
}

function limited(places: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = [];
  let free = places;
  return async (work) => {
    if (free === 0 && waiting.length >= WAITING)
      throw new OperationProblem('SERVER_BUSY', 'Too many people sign in at this moment; try again');
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else free -= 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}

/** What is wrong with a new password, or undefined. Length counts; rules about characters only make people predictable. */
export function weakness(password: string, shortest = 12): string | undefined {
  if (password.length < shortest) return `Use at least ${shortest} characters; a few words in a row are easy to remember.`;
  if (password.length > MAX_LENGTH) return `Use at most ${MAX_LENGTH} characters.`;
  if (new Set(password).size < 5) return 'Use more different characters.';
  return undefined;
}
