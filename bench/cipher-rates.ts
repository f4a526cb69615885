/** A process that measures what an archive is sealed with, and prints MB per second of CPU time as JSON. */
import { createCipheriv, createHash, type CipherOCBTypes } from 'node:crypto';
import { SESSION_KEY_BYTES } from '../src/openpgp/profile.js';

const SLICE = Buffer.alloc(64 * 1024, 7);
const MICROSECONDS = 400_000;
const KEY = Buffer.alloc(SESSION_KEY_BYTES, 1);

function rate(work: () => void): number {
  work();
  const began = process.cpuUsage().user;
  let bytes = 0;
  let spent = 0;
  while (spent < MICROSECONDS) {
    work();
    bytes += SLICE.length;
    spent = process.cpuUsage().user - began;
  }
  return Math.round(bytes / spent);
}

function encrypt(cipher: ReturnType<typeof createCipheriv>): void {
  cipher.update(SLICE);
  cipher.final();
}

const OCB: CipherOCBTypes = 'aes-256-ocb';
console.log(
  JSON.stringify({
    OCB: rate(() => {
      encrypt(createCipheriv(OCB, KEY, Buffer.alloc(15), { authTagLength: 16 }));
    }),
    GCM: rate(() => {
      encrypt(createCipheriv('aes-256-gcm', KEY, Buffer.alloc(12)));
    }),
    CFB: rate(() => {
      encrypt(createCipheriv('aes-256-cfb', KEY, Buffer.alloc(16)));
    }),
    'GMAC alone': rate(() => {
      createCipheriv('aes-256-gcm', KEY, Buffer.alloc(12)).setAAD(SLICE).final();
    }),
    'SHA-1': rate(() => {
      createHash('sha1').update(SLICE).digest();
    }),
    'SHA-256': rate(() => {
      createHash('sha256').update(SLICE).digest();
    }),
  }),
);
