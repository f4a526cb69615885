/** The archives of all buckets, for the commands. */
import { ACTIVE_MS, byHostAndAge, type Archive } from '../catalog/archive.js';
import type { AssembleOptions } from '../catalog/assemble.js';
import type { Foreign } from '../catalog/ownership.js';
import { readArchive, readArchives } from '../catalog/read.js';
import { Failure } from '../errors.js';
import type { CatalogContext, OpenBucket } from './context.js';
import { counted } from './format.js';
import { storeNow } from './store-clock.js';

export interface Located {
  readonly bucket: OpenBucket;
  readonly archive: Archive;
}

export async function assembleOptions(context: CatalogContext, host?: string): Promise<AssembleOptions> {
  return {
    prefix: context.prefix,
    now: storeNow(context, await context.openBuckets(host)),
    isAlive: (version) => context.isAlive(version),
    activeMs: ACTIVE_MS,
  };
}

export interface Scope {
  /** undefined: all. */
  readonly host?: string | undefined;
  /** Take whole names for archives of the older scripts. */
  readonly legacy?: boolean | undefined;
  /** Told of each version that is not provably ours. With a host: of those that its name covers. */
  readonly foreign?: ((found: Foreign) => void) | undefined;
}

/** One at a time, in the order of the listing. */
export async function* archivesOf(context: CatalogContext, scope: Scope = {}): AsyncIterable<Located> {
  const { host, legacy, foreign } = scope;
  const options = {
    ...(await assembleOptions(context, host)),
    legacy,
    foreign: (found: Foreign): void => {
      if (host === undefined || found.named?.host === host) foreign?.(found);
    },
  };
  for (const bucket of await context.openBuckets(host)) {
    for await (const archive of readArchives(bucket.store, options, host)) yield { bucket, archive };
  }
}

export interface Wanted {
  readonly host: string;
  /** Default: the finished one that finished last, or with `unfinalized` the latest of all. */
  readonly number: number | undefined;
  readonly unfinalized: boolean;
  /** Names alone will do. */
  readonly legacy?: boolean | undefined;
}

/**
 * The archive asked for.
 * @throws Failure `notFound`; `partial` when it is not finished and `unfinalized` was not said
 */
export async function locate(context: CatalogContext, wanted: Wanted): Promise<Located> {
  const { host, number, unfinalized, legacy } = wanted;
  const found: Located[] = [];
  let foreign = 0;
  const countForeign = (): void => {
    foreign += 1;
  };
  if (number === undefined) {
    for await (const located of archivesOf(context, { host, legacy, foreign: countForeign }))
      found.push(located);
  } else {
    const options = { ...(await assembleOptions(context, host)), legacy, foreign: countForeign };
    for (const bucket of await context.openBuckets(host)) {
      const archive = await readArchive(bucket.store, host, number, options);
      if (archive !== undefined) found.push({ bucket, archive });
    }
  }
  if (found.length === 0) {
    throw new Failure('notFound', `no archive of ${host}${number === undefined ? '' : ` #${number}`} in B2`, {
      hint:
        foreign > 0
          ? `${counted(foreign, 'object')} without this program's file info have such a name: --legacy takes them for an archive of the older scripts`
          : "'backuppc-b2 list' shows what there is",
    });
  }
  const usable = found.filter(({ archive }) => unfinalized || archive.state === 'finished');
  usable.sort((a, b) => byHostAndAge(a.archive, b.archive));
  const chosen = usable.at(-1);
  if (chosen !== undefined) return chosen;
  const states = found.map(({ archive }) => `#${archive.number} ${archive.state}`).join(', ');
  throw new Failure(
    'partial',
    `no finished archive of ${host}${number === undefined ? '' : ` #${number}`}: ${states}`,
    {
      hint: '--unfinalized takes what there is',
    },
  );
}

/** What listings and downloads cost, in B2's transaction classes, over all buckets. */
export function callsOf(buckets: readonly OpenBucket[]): { classB: number; classC: number } {
  return {
    classB: buckets.reduce((sum, { store }) => sum + store.counters.classB, 0),
    classC: buckets.reduce((sum, { store }) => sum + store.counters.classC, 0),
  };
}
