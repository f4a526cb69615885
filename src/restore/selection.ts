/** Selects members from the index, and the ranges of the stored stream that hold them. Pure. */
import type { IndexLine, IndexMember, RestartPoint } from '../members/index-text.js';
import type { DataRange } from './data-reader.js';

/** A selected member and its place in the whole tar. */
export interface Picked extends DataRange {
  readonly path: Uint8Array;
}

const keyOf = (path: Uint8Array): string => Buffer.from(path).toString('latin1');

/** Reads the index once or more: a selected hard link also selects its target, which may come before it. */
export class Selection {
  readonly #matches: (path: Uint8Array) => boolean;
  readonly #picked = new Map<number, Picked>();
  readonly #paths = new Set<string>();
  /** Targets of picked hard links that are not picked themselves yet. */
  #wanting = new Set<string>();
  readonly #volumes = new Map<number, number>();
  #points: RestartPoint[] = [];
  damage: string | undefined;
  tarBytes = 0;

  constructor(matches: (path: Uint8Array) => boolean) {
    this.#matches = matches;
  }

  /** @returns whether the index must be read again */
  async take(lines: AsyncIterable<IndexLine>): Promise<boolean> {
    const first = this.#points.length === 0;
    const points: RestartPoint[] = [];
    const before = this.#wanting.size;
    for await (const line of lines) {
      if (line.kind === 'member') this.#member(line);
      else if (line.kind === 'damage') this.damage = line.reason;
      else if (line.kind === 'end') this.tarBytes = line.tarBytes;
      else if (line.kind === 'point') {
        if (line.volume !== undefined) this.#volumes.set(line.volume, line.tarOffset);
        points.push(line);
      }
    }
    if (first) this.#points = points;
    // A target that is missing now will not appear later.
    return this.#wanting.size > 0 && (first || this.#wanting.size < before);
  }

  #member(member: IndexMember): void {
    const key = keyOf(member.path);
    const isLink = member.mode.startsWith('h');
    if (!this.#matches(member.path) && !this.#wanting.has(key)) return;
    const from = member.offset + (member.volume === undefined ? 0 : (this.#volumes.get(member.volume) ?? 0));
    this.#picked.set(from, { from, to: from + member.bytes, path: member.path });
    this.#paths.add(key);
    this.#wanting.delete(key);
    const target = member.linkTarget;
    if (isLink && target !== undefined && !this.#paths.has(keyOf(target))) this.#wanting.add(keyOf(target));
  }

  /** In the order of the tar. */
  get members(): readonly Picked[] {
    return [...this.#picked.values()].sort((a, b) => a.from - b.from);
  }

  get points(): readonly RestartPoint[] {
    return this.#points;
  }

  /** Hard link targets that the archive does not have. */
  get missingTargets(): readonly Uint8Array[] {
    return [...this.#wanting].map((key) => Buffer.from(key, 'latin1'));
  }
}

/** One range of the stored stream, and the members selected from it. */
export interface Run {
  readonly stored: DataRange;
  /** Where the tar that comes out of it begins. */
  readonly tarFrom: number;
  readonly members: readonly Picked[];
}

export interface StreamFacts {
  /** Of the volumes, in order. */
  readonly dataBytes: readonly number[];
  /** Whether the stream is the tar itself, which can be read from any offset. */
  readonly plain: boolean;
  readonly points: readonly RestartPoint[];
  /** Stretches that are no further apart are read as one: a part is fetched whole anyway. */
  readonly joinBytes: number;
}

interface Place {
  readonly tarOffset: number;
  /** In the joined data of all volumes. */
  readonly stored: number;
}

const BEGINNING: Place = { tarOffset: 0, stored: 0 };

/** @param members in the order of the tar */
export function planRuns(members: readonly Picked[], facts: StreamFacts): Run[] {
  const { plain, joinBytes } = facts;
  const total = facts.dataBytes.reduce((sum, bytes) => sum + bytes, 0);
  const places = placesOf(facts);
  const runs: { stored: { from: number; to: number }; tarFrom: number; members: Picked[] }[] = [];
  for (const member of members) {
    const before = places[lastBefore(places, member.from)] ?? BEGINNING;
    const begin = plain
      ? { tarOffset: member.from, stored: before.stored + member.from - before.tarOffset }
      : before;
    const to = plain
      ? begin.stored + member.to - member.from
      : (places[lastBefore(places, member.to - 1) + 1]?.stored ?? total);
    const run = runs.at(-1);
    if (run !== undefined && begin.stored <= run.stored.to + joinBytes) {
      run.members.push(member);
      run.stored.to = Math.max(run.stored.to, to);
    } else {
      runs.push({ stored: { from: begin.stored, to }, tarFrom: begin.tarOffset, members: [member] });
    }
  }
  return runs;
}

function placesOf({ dataBytes, points }: StreamFacts): Place[] {
  const starts: number[] = [];
  dataBytes.reduce((sum, bytes) => {
    starts.push(sum);
    return sum + bytes;
  }, 0);
  const places = points.map(({ tarOffset, volume, streamOffset }) => ({
    tarOffset,
    stored: streamOffset + (volume === undefined ? 0 : (starts[volume] ?? 0)),
  }));
  return [BEGINNING, ...places.sort((a, b) => a.tarOffset - b.tarOffset)];
}

/** Binary search, as there may be tens of thousands. @returns the index of the last place that is not after `tarOffset` */
function lastBefore(places: readonly Place[], tarOffset: number): number {
  let low = 0;
  let high = places.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((places[middle]?.tarOffset ?? Infinity) <= tarOffset) low = middle;
    else high = middle - 1;
  }
  return low;
}
