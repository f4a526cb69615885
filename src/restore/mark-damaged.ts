/** Renames damaged files, so that none keeps its own name. */
import { realpath, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '../errors.js';
import type { CutMember } from './tar-salvage.js';

const SUFFIX = '.damaged';

/** @param note one line for each that could not be renamed */
export async function markDamaged(
  directory: string,
  members: readonly Pick<CutMember, 'path'>[],
  note: (line: string) => void,
): Promise<void> {
  const root = await realpath(directory);
  for (const { path } of members) {
    const name = Buffer.from(path).toString('utf8');
    try {
      // tar put it below the directory, whatever its name; but a link on the way may lead elsewhere.
      const below = join(root, join('/', name));
      const folder = await realpath(dirname(below));
      if (folder !== root && !folder.startsWith(`${root}/`)) continue;
      const file = join(folder, basename(below));
      await rename(file, `${file}${SUFFIX}`);
    } catch (error) {
      // It was not restored.
      if (errorCode(error) === 'ENOENT') continue;
      note(`${name} is damaged and still has its own name`);
    }
  }
}
