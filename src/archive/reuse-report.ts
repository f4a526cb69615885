/** What the log says at the end about volumes that could have been copied but were sent. */
export class ReuseReport {
  readonly #sentInstead = new Map<string, number>();
  #sentAnew = 0;

  /** A volume was sent although an earlier archive has it. */
  sentInstead(reason: string): void {
    this.#sentInstead.set(reason, (this.#sentInstead.get(reason) ?? 0) + 1);
  }

  /** A volume was sent once more because of its age. */
  sentAnew(): void {
    this.#sentAnew += 1;
  }

  /** One line for each reason, the most frequent first, and only a few. */
  get problems(): string[] {
    const all = [...this.#sentInstead].sort(([, a], [, b]) => b - a);
    const said = all.slice(0, MOST_REASONS);
    const rest = all.slice(MOST_REASONS).reduce((sum, [, count]) => sum + count, 0);
    return [
      ...said.map(([reason, count]) => `${volumes(count)} sent instead of copied: ${reason}`),
      ...(rest > 0 ? [`${volumes(rest)} more sent instead of copied, for other reasons`] : []),
    ];
  }

  get notices(): string[] {
    return this.#sentAnew > 0
      ? [`${volumes(this.#sentAnew)} sent once more because of their age (reuse_max_age)`]
      : [];
  }
}

const MOST_REASONS = 3;

function volumes(count: number): string {
  return count === 1 ? '1 volume was' : `${count} volumes were`;
}
