/** Who holds a lock, according to its file, and whether that owner is dead if the kernel says that nobody holds it. */
import { readFile, readlink, statfs } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Strings are empty if the system does not provide them. */
export interface Machine {
  readonly host: string;
  /** /etc/machine-id: the same across restarts. */
  readonly machineId: string;
  /** /proc/sys/kernel/random/boot_id: one per start of a kernel, the same in all of its containers. */
  readonly bootId: string;
  /** /proc/self/ns/pid: process numbers are only valid within one namespace. */
  readonly pidNamespace: string;
}

export interface LockOwner extends Machine {
  readonly pid: number;
}

export async function thisMachine(): Promise<Machine> {
  const textOf = (path: string): Promise<string> =>
    readFile(path, 'latin1').then(
      (text) => text.trim(),
      () => '',
    );
  return {
    host: hostname(),
    machineId: await textOf('/etc/machine-id'),
    bootId: await textOf('/proc/sys/kernel/random/boot_id'),
    pidNamespace: await readlink('/proc/self/ns/pid').catch(() => ''),
  };
}

export function encodeOwner(owner: LockOwner): string {
  return `${JSON.stringify(owner)}\n`;
}

/** 'nobody' for an empty file, whose creator died before writing. undefined for anything that is not ours. */
export function decodeOwner(text: string): LockOwner | 'nobody' | undefined {
  if (text.trim() === '') return 'nobody';
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { pid, host, machineId, bootId, pidNamespace } = parsed as Record<string, unknown>;
  const texts = [host, machineId, bootId, pidNamespace];
  if (!Number.isSafeInteger(pid) || !texts.every((value) => typeof value === 'string')) return undefined;
  return parsed as LockOwner;
}

/**
 * Whether an owner is dead for certain, once the kernel has said that nobody holds the lock. On a local file system nobody but this
 * kernel locks, so it is. On a network file system another machine's locks may not reach us: then only an owner that this kernel
 * knew, or that ran on this machine before it was started again, is dead.
 */
export function isProvenDead(owner: LockOwner, here: Machine, localFileSystem: boolean): boolean {
  if (localFileSystem) return true;
  if (here.bootId !== '' && owner.bootId === here.bootId) return true;
  return here.machineId !== '' && owner.machineId === here.machineId && owner.host === here.host;
}

/** statfs(2) magic numbers of file systems that only one kernel can have mounted for writing. */
const LOCAL = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0x01021994, // tmpfs
  0x858458f6, // ramfs
  0x794c7630, // overlayfs
  0x2fc12fc1, // zfs
  0xf2f52010, // f2fs
  0xca451a4e, // bcachefs
  0x3153464a, // jfs
  0x52654973, // reiserfs
  0x4d44, // vfat
  0x2011bab0, // exfat
]);

/** An unknown file system is taken for a network file system. */
export async function isLocalFileSystem(directory: string): Promise<boolean> {
  const { type } = await statfs(directory);
  return LOCAL.has(type >>> 0);
}
