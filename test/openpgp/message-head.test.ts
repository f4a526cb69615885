import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteReader } from '../../src/openpgp/byte-reader.js';
import { readMessageHead } from '../../src/openpgp/message-head.js';

/** One packet of RFC 9580 §4.2 with a short body. */
const packet = (type: number, body: readonly number[]): number[] => [0xc0 | type, body.length, ...body];
const SKESK = packet(3, [4, 9, 3, 8, 1, 2, 3, 4, 5, 6, 7, 8, 255]);
const MARKER = packet(10, [0x50, 0x47, 0x50]);
const DATA = packet(18, [1, 0, 0]);

async function* once(octets: readonly number[]): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Uint8Array.from(octets));
}
const headOf = (...packets: readonly number[][]) => readMessageHead(new ByteReader(once(packets.flat())));
const times = (count: number, octets: number[]): number[][] => Array.from({ length: count }, () => octets);

test('as many key packets as anybody uses are read; a flood of them is not', async () => {
  assert.equal((await headOf(...times(8, SKESK), DATA)).skesks.length, 8);
  await assert.rejects(headOf(...times(9, SKESK), DATA), /sealed with more than 8 passphrases/);
  await assert.rejects(headOf(...times(65, MARKER), DATA), /more than 64 packets precede the encrypted data/);
});
