/** `backuppc-b2 verify`: checks that B2 holds what was sent, and that it can be read. */
import { createHash } from 'node:crypto';
import { byHostAndAge, isUnderWay, type Archive } from '../catalog/archive.js';
import { drawSample, piecesToCheck, sha1Problem, type PieceToCheck } from '../catalog/check.js';
import { followManifest } from '../catalog/follow-manifest.js';
import type { Manifest } from '../catalog/manifest.js';
import { readArchive } from '../catalog/read.js';
import { asFailure, EXIT_STATUS, Failure } from '../errors.js';
import { NotOpened } from '../openpgp/session-keys.js';
import { newWork, type Work } from '../reporting/work.js';
import { FETCHES } from '../restore/fetch-range.js';
import { evenRanges, orderedRanges } from '../restore/ranges.js';
import { DamagedVolumes, distrusted } from './damaged-volumes.js';
import { indexOf } from './files/opened-index.js';
import { indexProblems } from './files/verify-index.js';
import type { TarCounts } from '../restore/tar-walk.js';
import { notEncrypted, type Allowances } from './admit.js';
import type { ExitStatus } from './context.js';
import { printableJson, titleOf } from './format.js';
import { readThrough } from './read-through.js';
import type { RestoreContext } from './restore.js';
import { NOT_A_TAR, verdictText, type Verdict } from './verdict.js';
import {
  isPassedBy,
  assembleOptions,
  judged,
  listedOf,
  locate,
  noArchive,
  wholeListing,
  type Located,
} from './archives.js';
import { NOT_LOOKED_AT } from '../catalog/search.js';

export type VerifyLevel =
  /** Listing against manifest; no data is downloaded. */
  | { readonly kind: 'quick' }
  /** The SHA-1 of parts with this percentage of the bytes; needs no passphrase. */
  | { readonly kind: 'sample'; readonly percent: number }
  /** Everything: SHA-1 of every part, authentication of every chunk, the tar from end to end. */
  | { readonly kind: 'deep' };

export interface VerifyOptions extends Allowances {
  /** undefined: every archive that is or claims to be finished. */
  readonly host: string | undefined;
  readonly number: number | undefined;
  readonly level: VerifyLevel;
  readonly legacy?: boolean | undefined;
  readonly json: boolean;
  readonly parallel: number;
  readonly rangeBytes: number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly signal?: AbortSignal | undefined;
}

/** States that are not damage, but not good archives either. */
const INCOMPLETE: ReadonlySet<Archive['state']> = new Set(['partial', 'stopped', 'unfinished', 'hidden']);

export async function verify(context: RestoreContext, options: VerifyOptions): Promise<ExitStatus> {
  // Without a key nothing can be proven, and that is expected.
  const allowed = options.unproven === true || options.legacy === true || !context.judge.hasKeys;
  const verdicts: Verdict[] = [];
  for await (const located of wanted(context, options)) {
    const verdict = await verifyOne(context, located, options);
    verdicts.push(verdict);
    // What was not opened says nothing of the archive.
    if (verdict.unopened === undefined || verdict.problems.length > 0)
      await context.remember?.({
        type: 'verify',
        host: verdict.host,
        number: verdict.number,
        level: options.level.kind,
        at: new Date(context.clock.now()).toISOString(),
        problems: [
          ...verdict.problems,
          ...(allowed || verdict.unproven === undefined ? [] : [`unproven: ${verdict.unproven}`]),
        ],
      });
    if (!options.json) context.out.write(verdictText(verdict, allowed));
  }
  const damaged = verdicts.some(({ problems, unopened }) => problems.length > 0 || unopened !== undefined);
  const unproven = !allowed && verdicts.some((verdict) => verdict.unproven !== undefined);
  const running = verdicts.some(({ state }) => state === 'running');
  const incomplete = verdicts.some(({ state }) => INCOMPLETE.has(state));
  if (options.json) {
    const archives = verdicts.map((verdict) => ({
      ...verdict,
      ok:
        verdict.problems.length === 0 &&
        verdict.unopened === undefined &&
        (allowed || verdict.unproven === undefined),
      unproven: verdict.unproven ?? null,
      unopened: verdict.unopened ?? null,
      tar: verdict.tar ?? null,
    }));
    context.out.write(
      `${printableJson({ ok: !damaged && !unproven, level: options.level.kind, archives }, 2)}\n`,
    );
  } else if (verdicts.length === 0) {
    context.out.write('No archives to verify.\n');
  }
  if (damaged) return EXIT_STATUS.damaged;
  if (unproven) return EXIT_STATUS.unproven;
  return running ? EXIT_STATUS.locked : incomplete ? EXIT_STATUS.partial : EXIT_STATUS.ok;
}

async function* wanted(
  context: RestoreContext,
  { host, number, legacy, unproven }: VerifyOptions,
): AsyncIterable<Located & { readonly isPassedBy?: boolean }> {
  if (host !== undefined && number !== undefined) {
    yield await locate(context, { host, number, unfinalized: true, legacy });
    return;
  }
  if (number !== undefined) throw new Failure('usage', '--number needs --host');
  // Names sort #10 before #9, so the listing comes first, and then the archives by host and age.
  const listed = await wholeListing(context, listedOf(context, { host, legacy }));
  if (host !== undefined && listed.length === 0) throw noArchive(host);
  listed.sort((a, b) => byHostAndAge(a.archive, b.archive));
  for (const { bucket, archive: entry } of listed) {
    if (isUnderWay(entry.state)) continue;
    if (unproven !== true && context.judge.hasKeys && (await isPassedBy(context, entry))) {
      yield { bucket, archive: { ...entry, volumes: [] }, isPassedBy: true };
      continue;
    }
    const reading = { ...(await assembleOptions(context, entry.host)), legacy };
    const archive = await readArchive(bucket.store, entry.host, entry.number, reading);
    // Deleted meanwhile.
    if (archive !== undefined) yield { bucket, archive };
  }
}

function notLookedAt({ host, number, state }: Archive): Verdict {
  const nothing = { unopened: undefined, checkedBytes: 0, tar: undefined };
  return { host, number, state, problems: [], notes: [], unproven: NOT_LOOKED_AT, ...nothing };
}

async function verifyOne(
  context: RestoreContext,
  found: Located & { readonly isPassedBy?: boolean },
  options: VerifyOptions,
): Promise<Verdict> {
  if (found.isPassedBy === true) return notLookedAt(found.archive);
  const allowed = options.unproven === true || found.archive.proof === 'name';
  const { located, unproven: why } = allowed
    ? { located: found, unproven: undefined }
    : await judged(context, found);
  // Without a key nothing can be proven, and that is expected.
  const doubt = context.judge.hasKeys ? why : undefined;
  const { bucket } = located;
  let { archive } = located;
  const { host, number, state } = archive;
  const problems = state === 'damaged' ? [...archive.problems] : [];
  const notes = state === 'damaged' ? [] : [...archive.problems];
  // A running archive has no manifest yet: there is nothing to compare.
  if (state === 'running') {
    const nothing = { unproven: undefined, unopened: undefined, checkedBytes: 0, tar: undefined };
    return { host, number, state, problems, notes, ...nothing };
  }
  if (doubt?.looked === false) return notLookedAt(archive);
  const plain = options.unencrypted === true ? undefined : notEncrypted(context, { bucket, archive });
  if (plain !== undefined) problems.push(plain);
  let manifest: Manifest | undefined;
  let unproven: string | undefined;
  let unopened: string | undefined;
  let checkedBytes = 0;
  let tar: TarCounts | undefined;
  const { level, signal } = options;
  const damage = new DamagedVolumes();
  try {
    const judgement = await context.judge.authenticate({ bucket, archive }, signal);
    if (judgement.kind === 'damaged') problems.push(judgement.problem);
    else if (judgement.kind === 'unopened') unopened = judgement.problem;
    else manifest = judgement.manifest;
    // An unfinished archive claims nothing.
    if (judgement.kind === 'unproven' && archive.manifest !== undefined) unproven = judgement.reason;
    if (manifest !== undefined) {
      const followed = followManifest(archive, manifest);
      // One by one: as arguments there may be more than the stack takes.
      for (const problem of followed.problems) problems.push(problem);
      ({ archive, manifest } = followed);
    }
    // Whoever fills the bucket must not have us download it, unless the owner has named it.
    if (doubt !== undefined && options.number === undefined) {
      if (level.kind !== 'quick')
        notes.push('its volumes were not read: --number or --allow-unproven reads them');
    } else if (level.kind === 'sample') {
      const sample = drawSample(piecesToCheck(archive, manifest), level.percent, options.random);
      const total = sample.reduce((sum, { from, to }) => sum + to - from, 0);
      const work = newWork({ title: titleOf(archive), unit: 'bytes', total });
      await context.out.follow(options.json ? undefined : work, async () => {
        for (const piece of sample) {
          const found = await checkPiece(bucket.store, piece, work, options);
          if (found.length > 0) damage.add(piece.volume);
          problems.push(...found);
          checkedBytes += piece.to - piece.from;
        }
      });
    } else if (level.kind === 'deep' && unopened === undefined) {
      const deep = await readThrough(context, { bucket, archive }, manifest, damage, options);
      for (const problem of deep.problems) problems.push(problem);
      const index = manifest && indexOf(context, { bucket, archive }, manifest, signal);
      if (index !== undefined && deep.tar !== undefined && deep.problems.length === 0)
        problems.push(...(await indexProblems(index, deep.tar)));
      checkedBytes = archive.bytes;
      tar = deep.tar;
      if (deep.isOther) notes.push(NOT_A_TAR);
    }
  } catch (error) {
    const failure = asFailure(error);
    // Damage belongs in the verdict; a refused key or a dead network does not.
    if (failure.kind !== 'damaged') throw failure;
    if (failure instanceof NotOpened) unopened = failure.message;
    else problems.push(failure.message);
  }
  notes.push(...(await distrusted(context, { bucket, archive }, damage.sha1s(manifest))));
  return { host, number, state, problems, notes, unproven, unopened, checkedBytes, tar };
}

async function checkPiece(
  store: Located['bucket']['store'],
  piece: PieceToCheck,
  work: Work,
  options: VerifyOptions,
): Promise<string[]> {
  const { volume, from, to } = piece;
  const before = work.done;
  for (let fetch = 1; ; fetch++) {
    const hash = createHash('sha1');
    work.done = before;
    const ranges = evenRanges(from, to, options.rangeBytes);
    const how = { ...options, ownConnection: fetch > 1 };
    for await (const chunk of orderedRanges(store, volume.fileId, ranges, how)) {
      hash.update(chunk);
      work.done += chunk.length;
    }
    const problem = sha1Problem(piece, hash.digest('hex'));
    if (problem.length === 0 || fetch === FETCHES) return problem;
  }
}
