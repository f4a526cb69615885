import type { NotCopied } from '../reuse/copies.js';

/** What the log says at the end about volumes that could have been copied but were sent. */
export class ReuseReport {
  /** By reason; the details of the first volume stand for those of the others. */
  readonly #sentInstead = new Map<string, { count: number; readonly detail: string }>();
  #sentAnew = 0;

  /** A volume was sent although an earlier archive has it. */
  sentInstead({ reason, detail }: NotCopied): void {
    const earlier = this.#sentInstead.get(reason);
    if (earlier === undefined) this.#sentInstead.set(reason, { count: 1, detail });
    else earlier.count += 1;
  }

  /** A volume was sent once more because of its age. */
  sentAnew(): void {
    this.#sentAnew += 1;
  }

  /** One line for each reason, the most frequent first. */
  get problems(): string[] {
    return [...this.#sentInstead]
      .sort(([, a], [, b]) => b.count - a.count)
      .map(([reason, { count, detail }]) => {
        const of = count === 1 ? detail : `the first: ${detail}`;
        return `${volumes(count)} sent instead of copied: ${reason} (${of})`;
      });
  }

  get notices(): string[] {
    return this.#sentAnew > 0
      ? [`${volumes(this.#sentAnew)} sent once more because of their age (reuse_max_age)`]
      : [];
  }
}

function volumes(count: number): string {
  return count === 1 ? '1 volume was' : `${count} volumes were`;
}
