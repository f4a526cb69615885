/** An archive's member index, ready to be read. */
import type { Manifest } from '../../catalog/manifest.js';
import { memberIndexOf } from '../../catalog/member-index-of.js';
import { piecesOfPlaces } from '../../catalog/volume-places.js';
import { EXIT_STATUS, Failure } from '../../errors.js';
import type { IndexLine } from '../../members/index-text.js';
import type { Matcher } from '../../members/match.js';
import { printable } from '../../printable.js';
import { indexLines } from '../../restore/read-index.js';
import { sealedCheck } from '../../restore/sealed-check.js';
import { admit, type Allowances } from '../admit.js';
import { locate, type Located } from '../archives.js';
import type { ExitStatus } from '../context.js';
import type { RestoreContext } from '../restore-context.js';

export interface OpenedIndex {
  readonly located: Located;
  readonly manifest: Manifest;
  /** The lines from the beginning. May be called repeatedly; each call downloads the index. */
  lines(): AsyncGenerator<IndexLine, void, undefined>;
}

export interface IndexWanted extends Allowances {
  readonly host: string;
  /** undefined: of the archive that finished last. */
  readonly number: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @throws Failure `notFound` where the archive has no index */
export async function openIndex(
  context: RestoreContext,
  { host, number, unproven, unencrypted, signal }: IndexWanted,
): Promise<OpenedIndex> {
  const located = await locate(context, { host, number, unfinalized: false, unproven });
  const allowances = { unproven, unencrypted };
  const { manifest, ...admitted } = await admit(context, located, { ...allowances, giveAll: false, signal });
  const opened = manifest && indexOf(context, admitted, manifest, signal);
  if (opened !== undefined) return opened;
  const of = `--host ${host} --number ${located.archive.number}`;
  throw new Failure('notFound', `${host} #${located.archive.number} has no member index`, {
    hint: `backuppc-b2 restore ${of} - | tar -tvf - reads the whole archive for it`,
  });
}

/** @returns undefined where the archive has none */
export function indexOf(
  context: Pick<RestoreContext, 'archiveReader'>,
  located: Located,
  manifest: Manifest,
  signal: AbortSignal | undefined,
): OpenedIndex | undefined {
  const index = memberIndexOf(located.archive, manifest);
  if (index === undefined) return undefined;
  const pieces = piecesOfPlaces([{ name: index.name, expected: manifest.index, volume: index }]);
  return {
    located,
    manifest,
    async *lines() {
      const reader = await context.archiveReader(located, manifest);
      // The keys open every index of this host: only its SHA-1s say that it is this archive's.
      const onSealed = sealedCheck(pieces, (line) => {
        throw new Failure('damaged', line, {
          hint: 'the archive itself can be read without its index: restore all of it',
        });
      });
      yield* indexLines(reader, index, { signal, onSealed });
    },
  };
}

/** Reports patterns that matched nothing. */
export function sayUnmatched(context: Pick<RestoreContext, 'out'>, { unmatched }: Matcher): ExitStatus {
  for (const pattern of unmatched) context.out.note(`nothing matches ${printable(pattern)}`);
  return unmatched.length === 0 ? EXIT_STATUS.ok : EXIT_STATUS.notFound;
}
