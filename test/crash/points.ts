/** Which moments to be killed at: found by counting what an undisturbed run does. */
import type { Counted, CrashPoint } from './failpoint.js';

const WRITES = new Set(['appendFile', 'writeFile']);
const SYNCS = new Set(['sync', 'datasync']);

/** Before each operation on the state directory; each write also half-way, each sync also with what was not synced lost. */
export function filePoints({ operations }: Counted): CrashPoint[] {
  return operations.flatMap(({ name, path }, index): CrashPoint[] => {
    const nth = index + 1;
    const plain: CrashPoint = { kind: 'file', nth };
    if (WRITES.has(name))
      return [
        plain,
        { kind: 'file', nth, torn: 0.5 },
        ...(path.endsWith('.journal') ? [{ kind: 'file', nth, torn: 0.99 } as const] : []),
      ];
    return SYNCS.has(name) ? [plain, { kind: 'file', nth, power: true }] : [plain];
  });
}

/** From each write to the state directory on, the disk is full. */
export function fullDiskPoints({ operations }: Counted): CrashPoint[] {
  return operations.flatMap(({ name }, index): CrashPoint[] =>
    WRITES.has(name) ? [{ kind: 'full', nth: index + 1 }] : [],
  );
}

/** `count` places spread over all that is sent, not at round numbers. */
export function sentPoints({ sentBytes }: Counted, count: number, random: () => number): CrashPoint[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: 'sent',
    bytes: Math.floor(((index + random()) / count) * sentBytes),
  }));
}

export function nameOf(point: CrashPoint): string {
  if (point.kind === 'sent') return `after ${point.bytes} bytes sent`;
  if (point.kind === 'full') return `with the disk full from file operation ${point.nth} on`;
  const how =
    point.torn !== undefined
      ? `, ${point.torn * 100} % of it written`
      : point.power === true
        ? ', power lost'
        : '';
  return `at file operation ${point.nth}${how}`;
}
