/** Interprets tar's messages while it extracts: which members it could not create, and why. GNU tar goes on behind each of them. */
import { Failure } from '../errors.js';

/** Names that a message shows. */
const SHOWN = 3;
/** Lines that are examined; further ones are only counted. */
const KEPT = 10_000;

/** Lines that name no member. */
const REMARK =
  /^tar: (Exiting with failure status|Error is not recoverable|Removing leading|Ignoring unknown)/;
/** GNU tar's first words, and all of busybox's, where the first block is no header. */
const NO_TAR =
  /^tar: (This does not look like a tar archive|Archive is compressed\. Use |invalid tar |short read)/;
/** A disk that fills up takes part of a write at first. */
const NO_ROOM = /: (No space left on device|Disk quota exceeded|Wrote only \d+ of \d+ bytes)$/;
/** `tar: NAME: what happened: why`. GNU tar quotes names with odd characters as C strings. */
const ABOUT_MEMBER = /^tar: (.+?): (Cannot .*|Not found in archive|implausibly old.*|time stamp .*)$/;

/** busybox's tar ends at the first member that it cannot create. */
const BUSYBOX = /^tar: can't /;
/** Its word for a member that was asked for. */
const BUSYBOX_ABSENT = /^tar: .*: not found in archive$/;

/** A member that is not whole. */
const CUT = /: Cannot write: |: No space left on device$|: Disk quota exceeded$/;

export class TarMessages {
  /** Where the members go: a directory, or `standard output`. */
  readonly target: string;
  readonly #lines: string[] = [];
  readonly #members = new Set<string>();
  #noTar = false;

  constructor(target: string) {
    this.target = target;
  }

  /** @returns whether it says something that `failure` does not */
  add(line: string): boolean {
    this.#noTar ||= this.#lines.length === 0 && NO_TAR.test(line);
    this.#keep(line);
    return !this.#noTar;
  }

  #keep(line: string): void {
    if (REMARK.test(line) || this.#lines.length >= KEPT) return;
    this.#lines.push(line);
    const name = ABOUT_MEMBER.exec(line)?.[1];
    if (name !== undefined) this.#members.add(name);
  }

  /** Whether tar complains of nothing but single members that it could not make: it has gone through everything. */
  get onlyOfMembers(): boolean {
    return this.#lines.every((line) => ABOUT_MEMBER.test(line) && !CUT.test(line));
  }

  /** The failure for this exit status of tar. */
  failure(status: number): Failure {
    const lines = this.#lines;
    const last = lines.slice(-2).join('; ');
    if (this.#noTar)
      return new Failure('usage', 'what is stored is no tar', { hint: '-o FILE writes it as it is' });
    const ended = `tar ended with status ${status}${last === '' ? '' : `: ${last}`}`;
    if (
      lines.length > 0 &&
      lines.every((line) => line.endsWith('Not found in archive') || BUSYBOX_ABSENT.test(line))
    )
      return new Failure('notFound', ended, {
        hint: "name members as 'tar -t' shows them, with ./ in front",
      });
    if (lines.some((line) => NO_ROOM.test(line)))
      return new Failure('local', `no space left in ${this.target}: ${ended}`, {
        hint: 'make room, and restore again (a directory has to be empty)',
      });
    if (this.#members.size === 0)
      return new Failure(
        'local',
        ended,
        lines.some((line) => BUSYBOX.test(line))
          ? { hint: "busybox's tar ends at the first member that it cannot create: GNU tar goes on" }
          : {},
      );
    const names = [...this.#members];
    const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
    const count = names.length === 1 ? '1 member' : `${names.length} members`;
    const why = lines.at(-1)?.split(': ').at(-1) ?? `status ${status}`;
    return new Failure(
      'local',
      `tar could not restore ${count} (${why}): ${names.slice(0, SHOWN).join(', ')}${more}; everything else is in ${this.target}`,
      lines.some((line) => /not permitted|Permission denied/.test(line))
        ? { hint: 'devices, owners and some modes take root' }
        : {},
    );
  }
}
