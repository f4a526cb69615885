/** A tree of real files, and the changes that are made to it between two archives. */
import { execFileSync } from 'node:child_process';
import {
  openSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { randomFillSync } from 'node:crypto';
import { dirname, join } from 'node:path';
import { seededRandom } from '../test/support/b2-server/random.js';

/** Top folders of /usr, in the order in which they are taken. */
const FOLDERS = ['share/doc', 'share', 'bin', 'sbin', 'lib', 'libexec', 'include', 'src', 'local'];
const DPKG_INFO = '/var/lib/dpkg/info';

export interface Change {
  readonly name: string;
  /** @returns bytes of the files that changed */
  readonly apply: (tree: string) => number;
}

/**
 * Folders of /usr and one large file. Changes are made in place and undone: in a copy each file would have another inode and another time of
 * its last status change, which restic stores.
 */
export class ChangingTree {
  readonly path: string;
  /** Hard links to the files as they were. */
  readonly #kept: string;

  /** @param folders how many of /usr, largest last */
  constructor(directory: string, folders: number, largeBytes: number) {
    this.path = join(directory, 'tree');
    this.#kept = join(directory, 'kept');
    for (const folder of FOLDERS.slice(0, folders)) {
      const target = join(this.path, 'usr', dirname(folder));
      mkdirSync(target, { recursive: true });
      execFileSync('cp', ['-a', '--no-clobber', join('/usr', folder), target], { stdio: 'ignore' });
    }
    mkdirSync(join(this.path, 'var'), { recursive: true });
    const file = openSync(join(this.path, 'var', 'large'), 'w');
    const block = Buffer.alloc(1 << 20);
    for (let done = 0; done < largeBytes; done += block.length) writeSync(file, randomFillSync(block));
    closeSync(file);
    execFileSync('cp', ['-al', this.path, this.#kept]);
  }

  /** A file that was rewritten is a new one, which has no other name. */
  undo(): void {
    const rewritten = execFileSync('find', ['.', '-type', 'f', '-links', '1', '-print0'], {
      cwd: this.path,
      maxBuffer: 2 ** 30,
    });
    for (const path of rewritten.toString().split('\0').slice(0, -1)) {
      rmSync(join(this.path, path));
      linkSync(join(this.#kept, path), join(this.path, path));
      const { atime, mtime } = lstatSync(join(this.#kept, dirname(path)));
      utimesSync(join(this.path, dirname(path)), atime, mtime);
    }
  }
}

/** So many packages are upgraded: all of their files are rewritten from the first octet to the last. */
export function packages(count: number): Change {
  return {
    name: `${count} packages upgraded`,
    apply: (tree) => {
      const random = seededRandom(count);
      const names = execFileSync('sh', ['-c', `ls ${DPKG_INFO}/*.list`])
        .toString()
        .trim()
        .split('\n');
      let bytes = 0;
      for (let taken = 0; taken < count && names.length > 0;) {
        const [list] = names.splice(Math.floor(random() * names.length), 1);
        const files = readFileSync(list ?? '', 'utf8').split('\n');
        const rewritten = files.reduce((sum, file) => sum + rewrite(join(tree, file)), 0);
        bytes += rewritten;
        if (rewritten > 0) taken += 1;
      }
      return bytes;
    },
  };
}

/** One file in a thousand is rewritten, wherever it lies. */
export const atRandom: Change = {
  name: '0.1 % of files at random',
  apply: (tree) => {
    const random = seededRandom(1000);
    const files = execFileSync('find', [tree, '-type', 'f', '-print'], { maxBuffer: 2 ** 30 })
      .toString()
      .trim()
      .split('\n')
      .sort();
    return files.filter(() => random() < 0.001).reduce((sum, file) => sum + rewrite(file), 0);
  },
};

/** A megabyte is inserted into the middle of the large file. */
export const inserted: Change = {
  name: '1 MB inserted into the large file',
  apply: (tree) => {
    const path = join(tree, 'var', 'large');
    const { size } = lstatSync(path);
    const before = openSync(path, 'r');
    const head = Buffer.alloc(Math.floor(size / 2));
    readSync(before, head, 0, head.length, 0);
    const tail = Buffer.alloc(size - head.length);
    readSync(before, tail, 0, tail.length, head.length);
    closeSync(before);
    rmSync(path);
    writeFileSync(path, head);
    const after = openSync(path, 'a');
    writeSync(after, randomFillSync(Buffer.alloc(1_000_000)));
    writeSync(after, tail);
    closeSync(after);
    return 1_000_000;
  },
};

export const unchanged: Change = { name: 'nothing', apply: () => 0 };

function rewrite(path: string): number {
  try {
    if (!lstatSync(path).isFile()) return 0;
    const bytes = readFileSync(path);
    for (let at = 0; at < bytes.length; at++) bytes[at] = (bytes[at] ?? 0) ^ 0x55;
    // A new file: the one before stays what it was under its other name.
    rmSync(path);
    writeFileSync(path, bytes);
    return bytes.length;
  } catch {
    return 0;
  }
}
