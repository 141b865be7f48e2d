/** The way to a folder as one line, from the top of its project. */
import type { FolderRow } from '../api/types.ts';

/** Folders lie at most eight deep; the bound only keeps a broken answer from going round. */
const MAX_DEPTH = 16;

export function folderPath(folder: FolderRow, all: readonly FolderRow[]): string {
  const names = [folder.name];
  let above = folder.parentId;
  for (let depth = 0; above !== undefined && depth < MAX_DEPTH; depth += 1) {
    const parent = all.find((one) => one.id === above);
    if (!parent) break;
    names.unshift(parent.name);
    above = parent.parentId;
  }
  return names.join(' / ');
}
