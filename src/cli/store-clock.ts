/** Ages are counted on the store's clock: this machine's may be wrong by months, and deletions cannot be undone. */
import { Failure } from '../errors.js';
import type { CatalogContext, OpenBucket } from './context.js';

/** Beyond this difference nothing is deleted until somebody has checked the clock. */
const MOST_DIFFERENCE_MS = 5 * 60_000;

/** ms since 1970 UTC, on the clock of the store. */
export function storeNow(context: Pick<CatalogContext, 'clock'>, buckets: readonly OpenBucket[]): number {
  for (const { store } of buckets) {
    const now = store.serverNow();
    if (now !== undefined) return now;
  }
  return context.clock.now();
}

/** For commands that delete by age. @throws Failure `local` with both times */
export function refuseWrongClock({ clock }: Pick<CatalogContext, 'clock'>, storeTime: number): void {
  const here = clock.now();
  if (Math.abs(here - storeTime) <= MOST_DIFFERENCE_MS) return;
  const text = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
  throw new Failure(
    'local',
    `nothing was deleted: this machine's clock says ${text(here)} UTC, B2's says ${text(storeTime)} UTC`,
    { hint: 'set the clock (timedatectl set-ntp true), then run this again' },
  );
}
