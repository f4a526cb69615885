/** The worker of the pool: unwrap the task, do it, hand the buffers back. One task at a time. */
import { createHash, randomBytes } from 'node:crypto';
import { compressChunk } from '../src/compression/compress-chunk.js';
import { S2K_HASH } from '../src/openpgp/s2k.js';
import { openSkesk, writeSkesk } from '../src/openpgp/skesk.js';
import { openPart } from '../src/sealing/open-part.js';
import { ChainSealer } from '../src/sealing/seal-chain.js';
import { sealAeadPart } from '../src/sealing/seal-part.js';
import {
  failed,
  type HashTask,
  moved,
  type Outcome,
  type PasswordPacketsTask,
  type SealTask,
  type Task,
} from '../src/sealing/tasks.js';

const chains = new ChainSealer();

export default function work(task: Task): Outcome<unknown> {
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
      case 'passwordPackets':
        return passwordPackets(task);
      case 'openSkesk':
        return { ok: true, value: { opened: openSkesk(task.body, task.passphrase) } };
    }
  } catch (thrown) {
    return failed(thrown);
  }
}

function seal(task: SealTask): Outcome<unknown> {
  const facts = task.secrets.profile === 'rfc4880' ? chains.seal(task.volume, task) : sealAeadPart(task);
  return moved({ ...facts, buffer: task.buffer }, [task.buffer]);
}

function hash({ buffer, bytes }: HashTask): Outcome<unknown> {
  const sha1 = createHash('sha1')
    .update(new Uint8Array(buffer, 0, bytes))
    .digest('hex');
  return moved({ buffer, sha1 }, [buffer]);
}

function passwordPackets(task: PasswordPacketsTask): Outcome<unknown> {
  const packets = task.passwords.map((password) => {
    const s2k = { type: 3, hash: S2K_HASH, salt: randomBytes(8), countOctet: task.s2kCountOctet } as const;
    return writeSkesk(task.profile, s2k, randomBytes(15), password, task.sessionKey);
  });
  return { ok: true, value: { packets } };
}
