/** The uploads that may be under way at once: a fixed number, or one that adapts to the line. */
import type { Clock } from '../clock.js';
import type { Emit } from '../events.js';
import { ADAPTIVE, AdaptiveConnections, type Change } from './adaptive-connections.js';
import { ConnectionSlots } from './connection-slots.js';
import type { TroubleKind } from './retry.js';

export interface ConnectionsOptions {
  readonly connections: number | 'auto';
  /** What the memory budget allows. */
  readonly max: number;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** One 503 is B2's everyday way to say "another pod, please"; several within this time mean "less, please". */
const BUSY_WINDOW_MS = 10_000;
const BUSY_LIMIT = 5;

export class Connections {
  readonly #slots: ConnectionSlots;
  readonly #adaptive: AdaptiveConnections | undefined;
  readonly #clock: Clock;
  readonly #emit: Emit;
  #busySince = 0;
  #busyCount = 0;

  constructor({ connections, max, clock, emit }: ConnectionsOptions) {
    this.#adaptive = connections === 'auto' ? new AdaptiveConnections({ ...ADAPTIVE, max: Math.max(1, max) }) : undefined;
    this.#slots = new ConnectionSlots(this.#adaptive?.allowed ?? (connections === 'auto' ? 1 : connections));
    this.#clock = clock;
    this.#emit = emit;
  }

  get allowed(): number {
    return this.#slots.allowed;
  }

  get busy(): number {
    return this.#slots.busy;
  }

  /** @param again a part that is sent again goes first. @returns the function that gives the connection back */
  take(again: boolean, signal?: AbortSignal): Promise<() => void> {
    return this.#slots.take(again, signal);
  }

  accepted(bytes: number): void {
    if (this.#adaptive === undefined) return;
    const saturated = this.#slots.busy >= this.#slots.allowed;
    this.#follow(this.#adaptive.accepted(this.#clock.monotonic(), bytes, saturated));
  }

  /** An upload failed. */
  note(kind: TroubleKind): void {
    if (this.#adaptive === undefined) return;
    const now = this.#clock.monotonic();
    if (kind === 'slow-down') this.#follow(this.#adaptive.tooMuch(now, 'B2 asked to slow down (429)'));
    if (kind !== 'server-error') return;
    if (now - this.#busySince > BUSY_WINDOW_MS) {
      this.#busySince = now;
      this.#busyCount = 0;
    }
    this.#busyCount += 1;
    if (this.#busyCount < BUSY_LIMIT) return;
    this.#busyCount = 0;
    this.#follow(this.#adaptive.tooMuch(now, 'B2 is busy (503)'));
  }

  #follow(change: Change | undefined): void {
    if (change === undefined) return;
    this.#slots.allow(change.allowed);
    this.#emit({ type: 'connections-changed', allowed: change.allowed, reason: change.reason });
  }
}
