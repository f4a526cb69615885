/** Whether an archive's member index is complete and matches its tar. */
import { asFailure } from '../../errors.js';
import type { TarCounts } from '../../restore/tar-walk.js';
import type { OpenedIndex } from './opened-index.js';

/** Reads all of it. @returns problems, one line each */
export async function indexProblems(index: OpenedIndex, tar: TarCounts): Promise<string[]> {
  const name = index.manifest.index?.name ?? 'the member index';
  try {
    for await (const line of index.lines()) {
      if (line.kind !== 'end') continue;
      const members = tar.files + tar.directories + tar.specials;
      if (line.members !== members || line.tarBytes !== tar.bytes)
        return [
          `${name}: it is of ${line.members} members and ${line.tarBytes} bytes, the tar has ${members} and ${tar.bytes}`,
        ];
    }
    return [];
  } catch (error) {
    const failure = asFailure(error);
    if (failure.kind !== 'damaged') throw failure;
    return [failure.message];
  }
}
