/** Variables as octets: Node decodes the environment as UTF-8 and replaces invalid octets with U+FFFD. */
import { readFileSync } from 'node:fs';

const REPLACEMENT = '\uFFFD';

/** Whether Node may have replaced octets when it read this value. */
export function mayHaveLost(value: string): boolean {
  return value.includes(REPLACEMENT);
}

/** The value as the kernel has it (Linux); undefined if it cannot be read or was not set. */
export function variableOctets(name: string, path = '/proc/self/environ'): Uint8Array | undefined {
  let environment: Buffer;
  try {
    environment = readFileSync(path);
  } catch {
    return undefined;
  }
  const start = Buffer.from(`${name}=`);
  for (let from = 0; from < environment.length;) {
    const nul = environment.indexOf(0, from);
    const end = nul === -1 ? environment.length : nul;
    const entry = environment.subarray(from, end);
    if (entry.subarray(0, start.length).equals(start)) return Uint8Array.from(entry.subarray(start.length));
    from = end + 1;
  }
  return undefined;
}
