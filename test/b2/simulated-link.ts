/** A link as upload connections see it, in simulated time: a shared rate, a rate for each, kernel send buffers, a pause between parts. */
import type { AdaptiveConnections } from '../../src/b2/connections/adaptive-connections.js';

export interface Link {
  /** Bytes per second of one connection: window over round trip. */
  readonly perConnection: number;
  /** Of all together. */
  readonly total: number;
  readonly roundTripMs: number;
  /** What the kernel takes at once of a new body. */
  readonly sendBufferBytes: number;
  readonly partBytes: number;
  /** A limit of our own is what holds `total` down. */
  readonly limited?: boolean;
}

export interface Moment {
  readonly ms: number;
  readonly allowed: number;
  readonly settled: number;
}

const STEP_MS = 10;
const SLICE_BYTES = 128 * 1024;

interface Connection {
  /** Of the part: accepted by the socket, and really sent. */
  accepted: number;
  sent: number;
  /** Until the answer is there. */
  idleUntilMs: number;
}

/**
 * Runs uploads for `seconds` and lets the controller see what it would see.
 * @param line - may change over time
 * @param demand - how many parts are at hand at once
 */
export function runLink(
  adaptive: AdaptiveConnections,
  line: (seconds: number) => Link,
  seconds: number,
  demand: number,
): Moment[] {
  const connections: Connection[] = [];
  const seen: Moment[] = [];
  let acceptedBytes = 0;
  let acceptedSlices = 0;
  let heldSlices = 0;
  for (let nowMs = 0; nowMs < seconds * 1000; nowMs += STEP_MS) {
    const link = line(nowMs / 1000);
    const busy = Math.min(adaptive.allowed, demand);
    while (connections.length < busy) {
      // Not all in step: a first part of another length each.
      const begun = nowMs === 0 ? link.partBytes * ((connections.length * 0.618) % 1) : 0;
      connections.push({ accepted: begun, sent: begun, idleUntilMs: nowMs + 2 * link.roundTripMs });
    }
    // A connection too many ends with its part.
    for (let i = connections.length - 1; i >= busy; i--)
      if (connections[i]?.sent === 0) connections.splice(i, 1);
    const sending = connections.filter((connection) => connection.idleUntilMs <= nowMs);
    const each = (Math.min(link.perConnection, link.total / Math.max(1, sending.length)) * STEP_MS) / 1000;
    for (const connection of sending) {
      connection.sent = Math.min(link.partBytes, connection.sent + each);
      while (
        connection.accepted < link.partBytes &&
        connection.accepted - connection.sent < link.sendBufferBytes
      ) {
        const slice = Math.min(SLICE_BYTES, link.partBytes - connection.accepted);
        connection.accepted += slice;
        acceptedBytes += slice;
        acceptedSlices += 1;
        if (link.limited === true) heldSlices += 1;
      }
      if (connection.sent < link.partBytes) continue;
      connection.sent = connection.accepted = 0;
      connection.idleUntilMs = nowMs + link.roundTripMs;
      adaptive.confirmed();
    }
    if (nowMs % 100 === 0) {
      adaptive.observe({
        nowMs,
        acceptedBytes,
        acceptedSlices,
        heldSlices,
        busy: Math.min(connections.length, demand),
        waiting: Math.max(0, demand - adaptive.allowed),
      });
      seen.push({ ms: nowMs, allowed: adaptive.allowed, settled: adaptive.settled });
    }
  }
  return seen;
}
