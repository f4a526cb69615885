/** The state of one run's objects, as far as the listing tells. Pure. */
import type { ArchiveState, NamedObject, Volume } from './archive.js';
import { INFO } from './names.js';
import type { Manifest } from './manifest.js';

/** What a manifest says about its archive, without the list of volumes. */
export interface ManifestSummary {
  readonly state: string | undefined;
  readonly volumes: number | undefined;
  readonly bytes: number | undefined;
  /** Of these, those that B2 copied from an earlier archive; undefined where volumes have a given size. */
  readonly copiedBytes: number | undefined;
  /** ms since 1970 UTC. */
  readonly startedAt: number | undefined;
}

export interface RunFacts {
  /** Ascending by index. */
  readonly volumes: readonly Volume[];
  readonly manifest: { readonly object: NamedObject; readonly summary: ManifestSummary } | undefined;
  /** An unreadable object without file info has the manifest's name: then the volumes must not be taken for abandoned. */
  readonly strangeManifest: boolean;
  readonly alive: boolean;
  /** A journal here is this run's, and nobody holds it. */
  readonly stopped: boolean;
  readonly lastActivityAt: number;
}

/** From the manifest's file info. */
export function summaryOfInfo(info: Readonly<Record<string, string>>): ManifestSummary {
  const count = (text: string | undefined): number | undefined =>
    text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  return {
    state: info[INFO.state],
    volumes: count(info[INFO.volumes]),
    bytes: count(info[INFO.bytes]),
    copiedBytes: count(info[INFO.copied]),
    startedAt: count(info[INFO.started]),
  };
}

/** From the manifest itself. */
export function manifestSummary({ state, volumes, copiedBytes, startedAt }: Manifest): ManifestSummary {
  return {
    state,
    volumes: volumes.length,
    bytes: volumes.reduce((sum, { bytes }) => sum + bytes, 0),
    copiedBytes,
    startedAt: Date.parse(startedAt),
  };
}

export function stateOf(
  run: RunFacts,
  { now, activeMs, folded }: { now: number; activeMs: number; folded?: boolean | undefined },
): { state: ArchiveState; problems: string[] } {
  const { manifest, volumes } = run;
  if (manifest === undefined) {
    if (run.strangeManifest && !run.alive)
      return { state: 'damaged', problems: ['its manifest has lost its file info, and cannot be read'] };
    const problems = ['no manifest'];
    if (run.alive) return { state: 'running', problems };
    if (run.stopped)
      return { state: 'stopped', problems: ['no manifest; archiving it again goes on from there'] };
    return { state: now - run.lastActivityAt < activeMs ? 'running' : 'unfinished', problems };
  }
  const problems = folded === true ? [] : gaps(volumes, manifest.summary);
  if (problems.length > 0) return { state: 'damaged', problems };
  const hidden = [manifest.object, ...volumes].filter((object) => object.hidden);
  if (hidden.length > 0) {
    const all = folded !== true && hidden.length === volumes.length + 1;
    const what = all
      ? 'all of it is'
      : `${hidden
          .map(({ name }) => name)
          .slice(0, 3)
          .join(', ')}${hidden.length > 3 ? `, … (${hidden.length} objects)` : ''}`;
    const verb = all ? '' : hidden.length === 1 ? ' is' : ' are';
    return {
      state: 'hidden',
      problems: [
        `${what}${verb} hidden, by another tool or a lifecycle rule; nothing is lost: 'b2 file unhide b2://BUCKET/NAME' brings it back`,
      ],
    };
  }
  if (manifest.summary.state === 'partial') {
    return {
      state: 'partial',
      problems: ['the archive was stored although files were missing from the tar'],
    };
  }
  return { state: 'finished', problems: [] };
}

/** Which of two runs an archive is taken from: lower is better. */
export function rank(state: ArchiveState): number {
  const order: readonly ArchiveState[] = ['finished', 'partial', 'hidden', 'damaged'];
  const at = order.indexOf(state);
  return at === -1 ? order.length : at;
}

/** Volumes that the manifest counts, or that the sequence of suffixes implies, but the bucket lacks. */
function gaps(volumes: readonly Volume[], summary: ManifestSummary): string[] {
  const problems: string[] = [];
  const expected = summary.volumes ?? Math.max(1, 1 + (volumes.at(-1)?.index ?? 0));
  const present = new Set(volumes.map(({ index }) => index));
  const missing: number[] = [];
  for (let index = 0; index < expected && missing.length < 5; index++)
    if (!present.has(index)) missing.push(index + 1);
  if (missing.length > 0) {
    const count = expected - present.size;
    problems.push(
      `${count} of ${expected} volumes missing: ${missing.join(', ')}${count > missing.length ? ', …' : ''}`,
    );
  } else if (present.size > expected) {
    problems.push(`${present.size} volumes where the manifest counts ${expected}`);
  }
  const found = volumes.reduce((sum, volume) => sum + volume.bytes, 0);
  if (problems.length === 0 && summary.bytes !== undefined && summary.bytes !== found) {
    problems.push(`volumes hold ${found} bytes where the manifest counts ${summary.bytes}`);
  }
  return problems;
}
