/** A tree that needs care everywhere on its way: in BackupPC's pool, in tar headers, on the file system. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { noise } from '../interop/tree.js';

const LONG = 'long-'.repeat(40);

/** Larger than two B2 parts, and no compression makes it smaller. */
export const BIG_BYTES = 12 * 1024 * 1024;

/** Writes it; the one file that user backuppc cannot read is called `unreadable`. */
export function writeAwkwardTree(root: string): void {
  const at = (name: string): string => join(root, name);
  mkdirSync(at(join('deep', LONG, LONG)), { recursive: true });
  mkdirSync(at('empty directory'));
  writeFileSync(at('hello'), 'hello\n');
  writeFileSync(at('empty'), '');
  writeFileSync(at(join('deep', LONG, LONG, LONG)), 'a path of more than 800 bytes\n');
  writeFileSync(Buffer.concat([Buffer.from(at('not utf-8: ')), Buffer.of(0xff, 0xfe, 0x80)]), 'latin?\n');
  writeFileSync(at('quotes " \' ` $(x) * ? \\ [a]'), 'quotes\n');
  writeFileSync(at('two\nlines'), 'newline in the name\n');
  writeFileSync(at('Größe 日本 🙂'), 'utf-8\n');
  writeFileSync(at('program'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(at('sparse'), 'at the beginning');
  truncateSync(at('sparse'), 3 * 1024 * 1024 + 17);
  writeFileSync(at('twin'), 'one inode\n');
  linkSync(at('twin'), at('deep/twin'));
  linkSync(at('twin'), at(join('deep', LONG, `${LONG}twin`)));
  symlinkSync('../hello', at('deep/symlink'));
  symlinkSync('/no/such/file', at('dangling'));
  symlinkSync(`${LONG}/${LONG}`, at('long symlink'));
  spawnSync('mkfifo', [at('fifo')]);
  writeFileSync(at('big'), noise(BIG_BYTES, 7));
  writeFileSync(at('unreadable'), 'nobody may read this\n');
  chmodSync(at('unreadable'), 0o000);
  utimesSync(at('hello'), 1_000_000_000, 1_000_000_000);
}

/** What happens between a full backup and an incremental one. */
export function changeAwkwardTree(root: string): void {
  writeFileSync(join(root, 'hello'), 'hello again\n');
  writeFileSync(join(root, 'new'), 'only in the second backup\n');
  writeFileSync(join(root, 'deep/damaged'), 'this one loses its pool file\n');
}

/** One line for every file: type, mode, size, time, content or target, and the names it shares its inode with. Names as Latin-1 bytes. */
export function describeTree(root: string): string[] {
  const inodes = new Map<number, string[]>();
  const lines: { name: string; line: string; inode: number }[] = [];
  const walk = (directory: string): void => {
    for (const entry of readdirSync(Buffer.from(join(root, directory), 'latin1'), { encoding: 'buffer' })) {
      const name = join(directory, entry.toString('latin1'));
      const path = Buffer.from(join(root, name), 'latin1');
      const stat = lstatSync(path);
      const kind = stat.isDirectory()
        ? 'directory'
        : stat.isSymbolicLink()
          ? 'symlink'
          : stat.isFile()
            ? 'file'
            : 'special';
      const content =
        kind === 'file'
          ? `${stat.size} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
          : kind === 'symlink'
            ? readlinkSync(path, 'latin1')
            : '';
      const time = kind === 'file' ? Math.floor(stat.mtimeMs / 1000) : '';
      lines.push({
        name,
        line: `${name}: ${kind} ${kind === 'symlink' ? '' : (stat.mode & 0o7777).toString(8)} ${time} ${content}`,
        inode: stat.ino,
      });
      if (kind === 'file') inodes.set(stat.ino, [...(inodes.get(stat.ino) ?? []), name].sort());
      if (kind === 'directory') walk(name);
    }
  };
  walk('.');
  return lines.map(({ line, inode }) => `${line} ${(inodes.get(inode) ?? []).join(' = ')}`).sort();
}
