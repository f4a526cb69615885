/**
 * A tree of this machine's own packages, with what a pool finds hard beside them (hard links, holes, odd names, several extended attributes), and
 * what a week does to it.
 */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { writeAwkwardTree } from '../test/real-backuppc/tree.js';
import { seededRandom } from '../test/support/b2-server/random.js';
import { atRandom, packages } from './reuse-trees.js';

const DPKG_INFO = '/var/lib/dpkg/info';
const ATTRIBUTED = 1000;
const HOLE_BYTES = 64 * 2 ** 20;
/** Of files that a week adds, removes, touches and gives another mode, each. */
const HANDLED = 100;

export class PackageTree {
  readonly path: string;

  /** @param bytes of packages, about */
  constructor(path: string, bytes: number) {
    this.path = path;
    mkdirSync(path, { recursive: true });
    const script = `tar -C / --null --no-recursion --files-from=- -cf - | tar -C '${path}' -xpf -`;
    // Not every file of a package is still there.
    execFileSync('bash', ['-c', script], {
      input: packagePaths(bytes).join('\0'),
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    mkdirSync(this.#odd());
    writeAwkwardTree(this.#odd());
    // Nobody may read it, so a backup of it is not whole.
    rmSync(this.#odd('unreadable'));
    writeFileSync(this.#odd('with holes'), 'at the beginning');
    truncateSync(this.#odd('with holes'), HOLE_BYTES);
    this.#writeAttributed();
  }

  /** Fourteen packages upgraded, one file in a thousand rewritten, and a little of all else that happens. */
  passWeek(): void {
    packages(14).apply(this.path);
    atRandom.apply(this.path);
    const random = seededRandom(7);
    const files = this.#files();
    const pick = (): string[] =>
      Array.from(
        { length: HANDLED },
        () => files.splice(Math.floor(random() * files.length), 1)[0] ?? this.#odd('hello'),
      );
    for (const file of pick()) rmSync(file);
    for (const file of pick()) writeFileSync(`${file}.new`, readFileSync(file).reverse());
    for (const file of pick()) utimesSync(file, 1.7e9, 1.7e9);
    for (const file of pick()) chmodSync(file, 0o600);
    for (const file of pick()) linkSync(file, `${file}.link`);
    appendFileSync(this.#odd('with holes'), 'at the end');
    rmSync(this.#odd('twin'));
    linkSync(this.#odd('deep/twin'), this.#odd('another twin'));
    this.#attribute('one more', (number) => (number % 10 === 0 ? { later: 'added' } : {}));
    this.#attribute('another value', (number) => (number % 10 === 1 ? { two: 'changed' } : {}));
  }

  /** Three packages upgraded. */
  passDay(): void {
    packages(3).apply(this.path);
  }

  /** When each path got what it has now, attributes and number of names among it. Names as Latin-1. */
  stamps(): Map<string, string> {
    const found = execFileSync('find', ['.', '-printf', '%C@ %i/%P\\0'], {
      cwd: this.path,
      maxBuffer: 2 ** 30,
    });
    const lines = found.toString('latin1').split('\0').slice(0, -1);
    return new Map(
      lines.map((line) => [line.slice(line.indexOf('/') + 1), line.slice(0, line.indexOf('/'))] as const),
    );
  }

  #odd(name = ''): string {
    return join(this.path, 'odd', name);
  }

  #files(): string[] {
    const found = execFileSync('find', ['usr', '-type', 'f', '-links', '1', '-print0'], {
      cwd: this.path,
      maxBuffer: 2 ** 30,
    });
    return found
      .toString()
      .split('\0')
      .slice(0, -1)
      .sort()
      .map((file) => join(this.path, file));
  }

  #writeAttributed(): void {
    mkdirSync(this.#odd('attributes'));
    for (let number = 0; number < ATTRIBUTED; number++)
      writeFileSync(this.#odd(`attributes/${number}`), `${number}\n`.repeat(number));
    this.#attribute('first', (number) =>
      Object.fromEntries(
        ['one', 'two', 'three', 'four', 'five', 'six']
          .slice(0, 2 + (number % 5))
          .map((name) => [name, `${name} of ${number}`]),
      ),
    );
  }

  /** In the format of `getfattr --dump`. */
  #attribute(name: string, attributesOf: (number: number) => Readonly<Record<string, string>>): void {
    const blocks = Array.from({ length: ATTRIBUTED }, (_, number) => {
      const lines = Object.entries(attributesOf(number)).map(([key, value]) => `user.${key}="${value}"\n`);
      return lines.length === 0 ? '' : `# file: odd/attributes/${number}\n${lines.join('')}\n`;
    });
    const dump = join(this.path, '..', `${name}.attributes`);
    writeFileSync(dump, blocks.join(''));
    execFileSync('setfattr', [`--restore=${dump}`], { cwd: this.path });
  }
}

/** Files of whole packages, in the order of their names, as long as they fit. */
function packagePaths(mostBytes: number): string[] {
  let bytes = 0;
  const taken = new Set<string>();
  const lists = readdirSync(DPKG_INFO).filter((name) => name.endsWith('.list'));
  for (const list of lists.sort()) {
    const paths = readFileSync(join(DPKG_INFO, list), 'utf8').trim().split('\n');
    const entries = paths.map((path) => [path.slice(1), lstatSync(path, { throwIfNoEntry: false })] as const);
    const there = entries.filter(
      ([path, stat]) => stat !== undefined && !taken.has(path) && isUnderItsOwnName(`/${path}`),
    );
    const more = there.reduce((sum, [, stat]) => sum + (stat?.isFile() === true ? stat.size : 0), 0);
    if (bytes + more > mostBytes) continue;
    bytes += more;
    for (const [path] of there) taken.add(path);
  }
  return [...taken];
}

/** Not through a link, as `/bin/sh` is where `/bin` is one to `/usr/bin`. */
function isUnderItsOwnName(path: string): boolean {
  return path !== '/' && realpathSync(dirname(path)) === dirname(path);
}
