/** Objects in the bucket that are not provably ours: counted by the archive that their name suggests, shown, and left alone. */
import type { Foreign } from '../catalog/ownership.js';
import { counted, formatBytes, printable, table } from './format.js';

/** This many names are kept; of the others only the total. */
const MOST_NAMES = 1000;
const MOST_ROWS = 20;

interface Tally {
  objects: number;
  bytes: number;
}

export interface NamedTally extends Readonly<Tally> {
  readonly host: string;
  readonly number: number;
}

export class NotOurs {
  readonly #named = new Map<string, Tally & { host: string; number: number }>();
  readonly #shaped: Tally = { objects: 0, bytes: 0 };
  readonly #other: Tally = { objects: 0, bytes: 0 };

  readonly add = ({ version, named }: Foreign): void => {
    const bytes = version.contentLength;
    add(named === undefined ? this.#other : this.#shaped, bytes);
    if (named === undefined) return;
    const key = `${named.host} ${named.number}`;
    let tally = this.#named.get(key);
    if (tally === undefined && this.#named.size < MOST_NAMES)
      this.#named.set(key, (tally = { ...named, objects: 0, bytes: 0 }));
    if (tally !== undefined) add(tally, bytes);
  };

  /** Whose names have the shape of an archive's. */
  get named(): readonly NamedTally[] {
    return [...this.#named.values()];
  }

  /** Of those with other names. */
  get other(): Readonly<Tally> {
    return this.#other;
  }

  /** For `list`: each by name; empty where there are none. */
  describe(): string {
    if (this.#shaped.objects === 0) return '';
    const rows = this.named
      .slice(0, MOST_ROWS)
      .map(({ host, number, objects, bytes }) => [
        printable(host),
        String(number),
        String(objects),
        formatBytes(bytes),
      ]);
    const more = this.#named.size - rows.length;
    return (
      '\nNot ours: named like archives, but without the file info of this program. Left alone.\n' +
      table(
        [
          ['HOST', 'left'],
          ['#', 'right'],
          ['OBJECTS', 'right'],
          ['SIZE', 'right'],
        ],
        rows,
      ) +
      (more > 0 ? `and ${more}${this.#named.size === MOST_NAMES ? ' or more' : ''} others\n` : '') +
      'Whole sets of the older scripts: --legacy takes them for archives.\n'
    );
  }

  /** For commands that delete: one line, or none. */
  leftAlone(): string {
    const { objects, bytes } = this.#shaped;
    return objects === 0
      ? ''
      : `Left alone: ${counted(objects, 'object')} (${formatBytes(bytes)}) named like archives, but without the file info of this program; 'list' shows them.\n`;
  }
}

function add(tally: Tally, bytes: number): void {
  tally.objects += 1;
  tally.bytes += bytes;
}
