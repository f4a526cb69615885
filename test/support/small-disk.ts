/** A file system of a few kilobytes, to be filled. */
import { spawnSync } from 'node:child_process';

/** Root's, on a directory that is there. @param size as tmpfs has it: 64k, 12m. @returns what takes it away again, or undefined where this user may not mount */
export function mountSmallDisk(directory: string, size: string): (() => void) | undefined {
  const options = ['-t', 'tmpfs', '-o', `size=${size}`, 'none', directory];
  if (spawnSync('mount', options).status !== 0) return undefined;
  return () => {
    spawnSync('umount', [directory]);
  };
}

/**
 * The words of a command that runs another one with a small file system on `directory`, which nobody else sees and which goes with it.
 * Before it goes, `listing` gets the names on it. A user needs user namespaces for that.
 *
 * @returns false where they are not to be had. @throws then, with CI=true, where nothing may be left out
 */
export function withSmallDisk(directory: string, size: string, listing: string): string[] | false {
  const namespace = ['unshare', process.getuid?.() === 0 ? '-m' : '-Urm'];
  const script =
    'mount -t tmpfs -o "size=$1" none "$2" && directory=$2 listing=$3 && shift 3 || exit 99; ' +
    '"$@"; status=$?; ls -A "$directory" >"$listing"; exit "$status"';
  const words = [...namespace, 'sh', '-c', script, 'sh', size, directory, listing];
  if (spawnSync('unshare', [...words.slice(1), 'true']).status === 0) return words;
  const reason = 'no small file system to be had: neither root nor user namespaces';
  if (process.env['CI'] === 'true') throw new Error(reason);
  process.stderr.write(`SKIPPED: ${reason}\n`);
  return false;
}
