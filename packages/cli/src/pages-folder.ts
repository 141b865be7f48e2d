/** The built pages that come with the command: a package beside it, in a clone the workspace `ui`. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** It may hold nothing yet; undefined where the package is not installed. The server runs without pages too. */
export function pagesFolder(): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('@plugboard/ui/package.json')), 'dist');
  } catch {
    return undefined;
  }
}
