/** The worker of the pool: does one task at a time and hands the buffers back. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { compressChunk } from '../src/compression/compress-chunk.js';
import { compressWhole } from '../src/compression/compress-whole.js';
import { discarding } from '../src/discard.js';
import { S2K_HASH } from '../src/openpgp/s2k.js';
import { openSkesk, writeSkesk } from '../src/openpgp/skesk.js';
import { openPart } from '../src/sealing/open-part.js';
import { ChainSealer } from '../src/sealing/seal-chain.js';
import { sealAeadPart } from '../src/sealing/seal-part.js';
import {
  type CompressWholeTask,
  failed,
  type FingerprintTask,
  type HashTask,
  moved,
  type TaskOutcome,
  type PasswordPacketsTask,
  type SealTask,
  type Task,
} from '../src/sealing/tasks.js';

// Between tasks a worker blocks its event loop, so this must be ready now.
await discarding;

const chains = new ChainSealer();

export default function work(task: Task): TaskOutcome<unknown> {
  try {
    switch (task.kind) {
      case 'seal':
        return seal(task);
      case 'hash':
        return hash(task);
      case 'open':
        return moved({ ...openPart(task), buffer: task.buffer }, [task.buffer]);
      case 'compress':
        return moved({ ...compressChunk(task), input: task.input, output: task.output }, [
          task.input,
          task.output,
        ]);
      case 'compressWhole':
        return whole(task);
      case 'fingerprint':
        return fingerprint(task);
      case 'passwordPackets':
        return passwordPackets(task);
      case 'openSkesk':
        return { ok: true, value: { opened: openSkesk(task.body, task.passphrase) } };
    }
  } catch (thrown) {
    return failed(thrown);
  }
}

function seal(task: SealTask): TaskOutcome<unknown> {
  const facts = task.secrets.profile === 'rfc4880' ? chains.seal(task.volume, task) : sealAeadPart(task);
  return moved({ ...facts, buffer: task.buffer }, [task.buffer]);
}

function hash({ buffer, bytes }: HashTask): TaskOutcome<unknown> {
  const sha1 = createHash('sha1')
    .update(new Uint8Array(buffer, 0, bytes))
    .digest('hex');
  return moved({ buffer, sha1 }, [buffer]);
}

function fingerprint({ key, buffer, offset }: FingerprintTask): TaskOutcome<unknown> {
  const digest = createHmac('sha256', key).update(new Uint8Array(buffer, offset)).digest('hex');
  return moved({ buffer, digest }, [buffer]);
}

function whole({ codec, level, buffer, offset, bytes, output }: CompressWholeTask): TaskOutcome<unknown> {
  const outputBytes = compressWhole(
    codec,
    level,
    new Uint8Array(buffer, offset, bytes),
    new Uint8Array(output),
  );
  return moved({ buffer, output, outputBytes }, [buffer, output]);
}

function passwordPackets(task: PasswordPacketsTask): TaskOutcome<unknown> {
  const packets = task.passwords.map((password) => {
    const s2k = { type: 3, hash: S2K_HASH, salt: randomBytes(8), countOctet: task.s2kCountOctet } as const;
    return writeSkesk(task.profile, s2k, randomBytes(15), password, task.sessionKey);
  });
  return { ok: true, value: { packets } };
}
