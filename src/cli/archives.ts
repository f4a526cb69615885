/** The archives of all buckets, for the commands. */
import { ACTIVE_MS, byHostAndAge, datedAt, type Archive, type ListedArchive } from '../catalog/archive.js';
import { readFolded } from '../catalog/folded.js';
import { inProvenState } from '../catalog/follow-manifest.js';
import type { Foreign } from '../catalog/ownership.js';
import { archiveStem } from '../catalog/names.js';
import { archiveAmong, readArchive, readArchives, type CatalogOptions } from '../catalog/read.js';
import type { Unproven } from '../catalog/retention.js';
import { Failure } from '../errors.js';
import { newWork } from '../reporting/work.js';
import type { FileVersion } from '../store.js';
import type { CatalogContext, Located, OpenBucket } from './context.js';
import { counted, printable, titleOf } from './format.js';
import { storeNow } from './store-clock.js';

export type { Located } from './context.js';

export async function assembleOptions(context: CatalogContext, host?: string): Promise<CatalogOptions> {
  return {
    prefix: context.prefix,
    now: storeNow(context, await context.openBuckets(host)),
    isAlive: (version) => context.isAlive(version),
    isStopped: (version) => context.isStopped?.(version) === true,
    activeMs: ACTIVE_MS,
    search: context.search,
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

async function readOptions(
  context: CatalogContext,
  { host, legacy, foreign }: Scope,
): Promise<CatalogOptions> {
  return {
    ...(await assembleOptions(context, host)),
    legacy,
    foreign: (found: Foreign): void => {
      if (host === undefined || found.named?.host === host) foreign?.(found);
    },
  };
}

/** One at a time, in the order of the listing. */
export async function* archivesOf(context: CatalogContext, scope: Scope = {}): AsyncIterable<Located> {
  const { host } = scope;
  const options = await readOptions(context, scope);
  for (const bucket of await context.openBuckets(host)) {
    for await (const archive of readArchives(bucket.store, options, host)) yield { bucket, archive };
  }
}

/** The same for whoever only lists: volumes cut by content are counted as their manifest says. */
export async function* listedOf(
  context: CatalogContext,
  scope: Scope = {},
): AsyncIterable<{ readonly bucket: OpenBucket; readonly archive: ListedArchive }> {
  const { host } = scope;
  const options = await readOptions(context, scope);
  for (const bucket of await context.openBuckets(host)) {
    for await (const archive of readFolded(bucket.store, options, host)) yield { bucket, archive };
  }
}

/** Goes through a listing, and shows meanwhile how many archives have come. */
export function whileListing<T>(
  { out }: Pick<CatalogContext, 'out'>,
  read: (seen: () => void) => Promise<T>,
): Promise<T> {
  const work = newWork({ title: 'reading the listing', unit: 'archives', total: undefined });
  return out.follow(work, () =>
    read(() => {
      work.done += 1;
    }),
  );
}

/** All of a listing, with progress on the terminal. */
export function wholeListing<T>(
  context: Pick<CatalogContext, 'out'>,
  listing: AsyncIterable<T>,
): Promise<T[]> {
  return whileListing(context, async (seen) => {
    const found: T[] = [];
    for await (const one of listing) {
      found.push(one);
      seen();
    }
    return found;
  });
}

/** The archive, or the one below an unproven manifest of the same host and number; with the reason if neither is proven. */
export interface Judged {
  readonly located: Located;
  readonly unproven: Unproven | undefined;
}

/**
 * Anybody who can write to the bucket can upload a newer manifest. If nothing vouches for it, the older ones are tried, newest first; when too
 * many were, only those that this machine remembers.
 */
export async function judged(context: CatalogContext, located: Located, legacy?: boolean): Promise<Judged> {
  const first = await context.judge.whyUnproven(located);
  if (first === undefined) return { located: await righted(context, located), unproven: undefined };
  const { bucket, archive } = located;
  const below = await manifestsBelow(context, archive, first.looked);
  if (archive.manifest === undefined || below.length === 0) return { located, unproven: first };
  const versions: FileVersion[] = [];
  for await (const version of bucket.store.listVersions(archiveStem(archive))) versions.push(version);
  const options = { ...(await assembleOptions(context, archive.host)), legacy };
  const distrusted = new Set([archive.manifest.fileId]);
  let unproven = first;
  for (;;) {
    if (!unproven.looked) {
      const remembered = new Set(await manifestsBelow(context, archive, false));
      for (const fileId of below) if (!remembered.has(fileId)) distrusted.add(fileId);
    }
    const top = await archiveAmong(versions, archive, { ...options, distrusted });
    if (top?.manifest === undefined || distrusted.has(top.manifest.fileId)) return { located, unproven };
    const why = await context.judge.whyUnproven({ bucket, archive: top });
    if (why === undefined) {
      context.out.note(
        `${titleOf(archive)}: passed over a newer manifest, which is unproven: ${printable(first.reason)}`,
      );
      return { located: await righted(context, { bucket, archive: top }), unproven: undefined };
    }
    distrusted.add(top.manifest.fileId);
    unproven = why;
  }
}

/** Whether it would not be looked at any more: so much was in vain before, and this machine remembers nothing of it. */
export async function isPassedBy(
  context: CatalogContext,
  archive: Pick<Archive, 'manifest' | 'leftovers' | 'proof'>,
): Promise<boolean> {
  const { manifest, proof } = archive;
  if (!context.search.isOver || manifest === undefined || proof !== 'file-info') return false;
  if (await context.judge.remembers(manifest.fileId)) return false;
  if ((await manifestsBelow(context, archive, false)).length > 0) return false;
  return context.search.passBy();
}

/** Versions of COMPLETE that are not the archive's own. @param all false: those that this machine remembers */
async function manifestsBelow(
  { judge }: CatalogContext,
  { manifest, leftovers }: Pick<Archive, 'manifest' | 'leftovers'>,
  all: boolean,
): Promise<string[]> {
  const found: string[] = [];
  for (const { name, fileId } of leftovers)
    if (name === manifest?.name && (all || (await judge.remembers(fileId)))) found.push(fileId);
  return found;
}

/** In the state that its proven manifest gives it. COMPLETE as this machine stored it has the file info that this machine gave it. */
async function righted(context: CatalogContext, located: Located): Promise<Located> {
  const { bucket, archive } = located;
  const { state, manifest } = archive;
  if (manifest === undefined) return located;
  if (state !== 'damaged' && (await context.judge.remembers(manifest.fileId))) return located;
  const judgement = await context.judge.authenticate(located);
  if (judgement.kind !== 'proven') return located;
  return { bucket, archive: inProvenState(archive, judgement.manifest) };
}

/** What a command says that finds nothing. @param foreign objects with such a name that are not provably ours */
export function noArchive(host: string, number?: number, foreign = 0): Failure {
  return new Failure('notFound', `no archive of ${host}${number === undefined ? '' : ` #${number}`} in B2`, {
    hint:
      foreign > 0
        ? `${counted(foreign, 'object')} without this program's file info have such a name: --legacy takes them for an archive of the older scripts`
        : "'backuppc-b2 list' shows what there is",
  });
}

export interface Wanted {
  readonly host: string;
  /** Default: the one that finished last, or with `unfinalized` the latest of all. */
  readonly number: number | undefined;
  readonly unfinalized: boolean;
  /** Accept an archive known by its names alone. */
  readonly legacy?: boolean | undefined;
  /** Do not look for a proven one. */
  readonly unproven?: boolean | undefined;
}

/**
 * The archive asked for.
 * @throws Failure `notFound`; `partial` when it is not finished and `unfinalized` was not said
 */
export async function locate(context: CatalogContext, wanted: Wanted): Promise<Located> {
  const { host, number, unfinalized, legacy } = wanted;
  let found: Located[] = [];
  let foreign = 0;
  const countForeign = (): void => {
    foreign += 1;
  };
  if (number === undefined) {
    found = await wholeListing(context, archivesOf(context, { host, legacy, foreign: countForeign }));
  } else {
    const options = { ...(await assembleOptions(context, host)), legacy, foreign: countForeign };
    for (const bucket of await context.openBuckets(host)) {
      const archive = await readArchive(bucket.store, host, number, options);
      if (archive !== undefined) found.push({ bucket, archive });
    }
  }
  if (found.length === 0) throw noArchive(host, number, foreign);
  for (const [at, located] of found.entries())
    if (saysUnfit(located.archive)) found[at] = (await judged(context, located, legacy)).located;
  const usable = found.filter(({ archive }) => unfinalized || archive.state === 'finished');
  usable.sort((a, b) => byHostAndAge(a.archive, b.archive));
  const newest = usable.at(-1);
  if (newest !== undefined) {
    if (unfinalized || wanted.unproven === true) return newest;
    const best = await newestProven(context, usable, legacy);
    if (best.archive.state === 'finished') return best;
    found.splice(0, found.length, best);
  }
  const states = found.map(({ archive }) => `#${archive.number} ${archive.state}`).join(', ');
  throw new Failure(
    'partial',
    `no finished archive of ${host}${number === undefined ? '' : ` #${number}`}: ${states}`,
    {
      hint: '--unfinalized takes what there is',
    },
  );
}

/** File info says so, which is not to be believed: what lies below may be finished. */
function saysUnfit({ state }: Archive): boolean {
  return state === 'damaged' || state === 'partial';
}

/** So many are named that were passed over. */
const MOST_NAMED = 10;

/** @param usable oldest first. @returns the newest proven one; the newest of all if none is: the caller says why */
async function newestProven(
  context: CatalogContext,
  usable: readonly Located[],
  legacy: boolean | undefined,
): Promise<Located> {
  let newest: Located | undefined;
  let best: Located | undefined;
  const passedOver: string[] = [];
  for (const candidate of usable.toReversed()) {
    // What lies below an unproven manifest may be older than the next candidate.
    if (best !== undefined && datedAt(best.archive) >= datedAt(candidate.archive)) break;
    const { located, unproven } = await judged(context, candidate, legacy);
    newest ??= located;
    if (unproven === undefined) {
      if (located.archive.state !== 'finished') continue;
      if (best === undefined || datedAt(located.archive) > datedAt(best.archive)) best = located;
    } else if (usable.length > 1) {
      passedOver.push(`${titleOf(located.archive)} is unproven, passed over: ${printable(unproven.reason)}`);
    }
  }
  for (const line of passedOver.slice(0, MOST_NAMED)) context.out.note(line);
  const more = passedOver.length - MOST_NAMED;
  if (more > 0) context.out.note(`and ${counted(more, 'other')}`);
  const chosen = best ?? newest;
  if (chosen === undefined) throw new Error('there is no archive to choose from');
  return chosen;
}

/** What listings and downloads cost, in B2's transaction classes, over all buckets. */
export function callsOf(buckets: readonly OpenBucket[]): { classB: number; classC: number } {
  return {
    classB: buckets.reduce((sum, { store }) => sum + store.counters.classB, 0),
    classC: buckets.reduce((sum, { store }) => sum + store.counters.classC, 0),
  };
}
