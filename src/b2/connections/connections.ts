/** The uploads that may be under way at once: a fixed number, or one that adapts to the line. */
import type { Clock } from '../../clock.js';
import type { Emit } from '../../events.js';
import { AdaptiveConnections } from './adaptive-connections.js';
import { ConnectionSlots } from './connection-slots.js';
import type { TroubleKind } from '../retry/retry.js';

export interface ConnectionsOptions {
  readonly connections: number | 'auto';
  /** What the memory budget allows. */
  readonly max: number;
  readonly clock: Clock;
  readonly emit: Emit;
}

const OBSERVE_EVERY_MS = 100;

export class Connections {
  readonly #slots: ConnectionSlots;
  readonly #adaptive: AdaptiveConnections | undefined;
  readonly #clock: Clock;
  readonly #emit: Emit;
  #acceptedBytes = 0;
  #acceptedSlices = 0;
  #heldSlices = 0;
  #observedAtMs = Number.NEGATIVE_INFINITY;
  #told: number;

  constructor({ connections, max, clock, emit }: ConnectionsOptions) {
    this.#adaptive = connections === 'auto' ? new AdaptiveConnections(max) : undefined;
    this.#slots = new ConnectionSlots(this.#adaptive?.allowed ?? (connections === 'auto' ? 1 : connections));
    this.#told = this.#slots.allowed;
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

  /** A socket accepted a slice; `held`: after it had waited for the bandwidth limit. */
  accepted(bytes: number, held: boolean): void {
    if (this.#adaptive === undefined) return;
    this.#acceptedBytes += bytes;
    this.#acceptedSlices += 1;
    if (held) this.#heldSlices += 1;
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#observedAtMs < OBSERVE_EVERY_MS) return;
    this.#observedAtMs = nowMs;
    this.#adaptive.observe({
      nowMs,
      acceptedBytes: this.#acceptedBytes,
      acceptedSlices: this.#acceptedSlices,
      heldSlices: this.#heldSlices,
      busy: this.#slots.busy,
      waiting: this.#slots.waiting,
    });
    this.#follow('measured throughput');
  }

  /** An upload was confirmed. */
  confirmed(): void {
    this.#adaptive?.confirmed();
  }

  /** An upload failed. */
  failed(kind: TroubleKind): void {
    const nowMs = this.#clock.monotonic();
    if (kind === 'slow-down') this.#adaptive?.slowDown(nowMs);
    if (kind === 'server-error' || kind === 'full') this.#adaptive?.busy(nowMs);
    this.#follow(kind === 'slow-down' ? 'B2 asked to slow down' : 'B2 is busy');
  }

  /** Trials come and go; what they lead to is told. */
  #follow(reason: string): void {
    if (this.#adaptive === undefined) return;
    const { allowed, settled } = this.#adaptive;
    if (allowed !== this.#slots.allowed) this.#slots.allow(allowed);
    if (settled === this.#told) return;
    this.#told = settled;
    this.#emit({ type: 'connections-changed', allowed: settled, reason });
  }
}
