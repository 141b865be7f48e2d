/** The built pages and what they ask, read while the database starts. */
import type { Logger } from '../log.ts';
import { readPageFiles } from './page-files.ts';
import { readPageOperations } from './page-operations.ts';

export interface ReadPages {
  readonly pages: Awaited<ReturnType<typeof readPageFiles>>;
  readonly pageOperations: Awaited<ReturnType<typeof readPageOperations>>;
}

/** Nothing where there is no folder, or nothing built in it. */
export async function readPages(pagesDir: string | undefined, log: Logger): Promise<ReadPages> {
  if (pagesDir === undefined) return { pages: undefined, pageOperations: undefined };
  const [pages, operations] = await Promise.all([readPageFiles(pagesDir), readPageOperations(pagesDir)]);
  if (pages === undefined) log.warn({ folder: pagesDir }, 'the pages are not built; the API works without them');
  return { pages, pageOperations: pages && operations };
}
