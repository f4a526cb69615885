/** The records of a pax extended header: `LENGTH KEY=VALUE\n`, where LENGTH counts the whole record (POSIX.1 pax). Pure. */

/** Values as octets, by key. A later record of the same key wins; an empty value restores the header's own. */
export type PaxRecords = ReadonlyMap<string, Uint8Array>;

const NEWLINE = 0x0a;
const BLANK = 0x20;
const EQUALS = 0x3d;

/** @returns undefined if these are not pax records */
export function paxRecords(header: Uint8Array): PaxRecords | undefined {
  const records = new Map<string, Uint8Array>();
  for (let at = 0; at < header.length;) {
    const blank = header.indexOf(BLANK, at);
    // Lengths have few digits. Without the bound, a header of only digits would be scanned as one.
    if (blank <= at || blank - at > 10) return undefined;
    const digits = latin1(header.subarray(at, blank));
    const end = at + Number(digits);
    const equals = header.indexOf(EQUALS, blank);
    if (!/^[0-9]+$/.test(digits) || end > header.length || equals === -1 || equals >= end) return undefined;
    if (header[end - 1] !== NEWLINE) return undefined;
    records.set(
      latin1(header.subarray(blank + 1, equals)),
      Uint8Array.from(header.subarray(equals + 1, end - 1)),
    );
    at = end;
  }
  return records;
}

/** The record of a key, unless it is missing or empty. */
export function paxValue(records: readonly PaxRecords[], key: string): Uint8Array | undefined {
  for (const of of records) {
    const value = of.get(key);
    if (value !== undefined) return value.length === 0 ? undefined : value;
  }
  return undefined;
}

/** NaN for an invalid number. */
export function paxNumber(records: readonly PaxRecords[], key: string): number | undefined {
  const value = paxValue(records, key);
  if (value === undefined) return undefined;
  const text = latin1(value);
  return /^-?[0-9]+(\.[0-9]*)?$/.test(text) ? Number(text) : NaN;
}

function latin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1');
}
