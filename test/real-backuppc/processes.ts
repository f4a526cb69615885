/** Waiting for states, and finding and ending processes. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Waits for a state by asking for it again and again. @throws after `limitMs`, with what was waited for */
export async function until(
  what: string,
  state: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await state())) {
    if (performance.now() > deadline) throw new Error(`waited ${limitMs / 1000} s for: ${what}`);
    await delay(40);
  }
}

export interface FoundProcess {
  readonly pid: number;
  readonly command: string;
}

/** Processes with this text in their command line. */
export function processesWith(text: string): FoundProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), command: commandOf(name) }))
    .filter(({ command }) => command.includes(text));
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

export function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has gone by itself.
  }
}
