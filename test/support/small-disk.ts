/** A file system of a few kilobytes, to be filled: root's, on a directory that is there. */
import { spawnSync } from 'node:child_process';

/** @param size as tmpfs has it: 64k, 12m. @returns what takes it away again, or undefined where this user may not mount */
export function mountSmallDisk(directory: string, size: string): (() => void) | undefined {
  const options = ['-t', 'tmpfs', '-o', `size=${size}`, 'none', directory];
  if (spawnSync('mount', options).status !== 0) return undefined;
  return () => {
    spawnSync('umount', [directory]);
  };
}
