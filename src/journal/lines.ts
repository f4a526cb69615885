/**
 * Records as lines: `LENGTH CRC PAYLOAD\n`, length in octets and CRC-32 of the payload as eight hex digits each. Pure.
 *
 * A record is acknowledged after fsync, so only the end of the file can be torn: a prefix of a line, or zeros where a file system
 * had made room. It never ends in a newline. Anything else that is wrong is damage to what was once acknowledged.
 */
import { crc32 } from 'node:zlib';

const NEWLINE = 0x0a;
const HEADER_BYTES = 18;

export interface ScannedLines {
  readonly payloads: readonly string[];
  /** Octets that hold complete records; what follows is a torn write that nobody relied on. */
  readonly goodBytes: number;
  /** Why the file cannot be trusted. */
  readonly damage: string | undefined;
}

function hex8(value: number): string {
  return value.toString(16).padStart(8, '0');
}

/** @param payload one line of text */
export function encodeLine(payload: string): Buffer {
  const octets = Buffer.from(payload);
  return Buffer.concat([
    Buffer.from(`${hex8(octets.length)} ${hex8(crc32(octets))} `),
    octets,
    Buffer.of(NEWLINE),
  ]);
}

function decodeLine(line: Buffer): string | undefined {
  const header = /^([0-9a-f]{8}) ([0-9a-f]{8}) $/.exec(line.toString('latin1', 0, HEADER_BYTES));
  if (header === null) return undefined;
  const payload = line.subarray(HEADER_BYTES);
  const matches = header[1] === hex8(payload.length) && header[2] === hex8(crc32(payload));
  return matches ? payload.toString() : undefined;
}

export function scanLines(file: Buffer): ScannedLines {
  const payloads: string[] = [];
  let at = 0;
  const result = (damage?: string): ScannedLines => ({ payloads, goodBytes: at, damage });
  while (at < file.length) {
    const end = file.indexOf(NEWLINE, at);
    if (end === -1) break;
    const payload = decodeLine(file.subarray(at, end));
    if (payload === undefined) return result(`record ${payloads.length + 1} at offset ${at} is damaged`);
    payloads.push(payload);
    at = end + 1;
  }
  // The rest has no newline: torn, unless it is a complete record whose newline was changed.
  const rest = file.subarray(at);
  if (rest.length > HEADER_BYTES && decodeLine(rest.subarray(0, -1)) !== undefined) {
    return result(`record ${payloads.length + 1} at offset ${at} is damaged`);
  }
  return result();
}
