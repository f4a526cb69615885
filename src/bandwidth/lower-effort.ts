/** DSCP "lower effort" (RFC 8622: 000001) in the upper six bits of the traffic class. */
export const LOWER_EFFORT = 0b000001_00;

/** A socket of a Node release that can set it: `net.Socket.setTypeOfService`, in late releases of Node 24, and from 25.6 on. */
interface MarkableSocket {
  setTypeOfService(value: number): unknown;
}

/**
 * Marks the packets of a connected socket as traffic that may starve, if this Node release can. Routers that know the mark send such packets
 * last; the others ignore it.
 *
 * @returns whether it was set; never throws
 */
export function markLowerEffort(socket: object): boolean {
  if (!isMarkable(socket)) return false;
  try {
    socket.setTypeOfService(LOWER_EFFORT);
    return true;
  } catch {
    // Optional: some systems forbid it.
    return false;
  }
}

function isMarkable(socket: object): socket is MarkableSocket {
  return 'setTypeOfService' in socket && typeof socket.setTypeOfService === 'function';
}
