/** The short-lived thread in which OpenPGP.js handles keys. */
import { checkRecipients, openPkesk, recipientPackets } from '../src/openpgp/recipients.js';
import { makeSigningKey, sign, verifySignature } from '../src/openpgp/signing.js';
import type { KeyTask } from '../src/sealing/key-thread.js';
import { failed, type TaskOutcome } from '../src/sealing/tasks.js';

export default async function work(task: KeyTask): Promise<TaskOutcome<unknown>> {
  try {
    switch (task.kind) {
      case 'check':
        return { ok: true, value: await checkRecipients(task.files, new Date(task.now)) };
      case 'encrypt':
        return {
          ok: true,
          value: await recipientPackets(
            task.profile,
            task.aead,
            task.files,
            task.sessionKeys,
            new Date(task.now),
          ),
        };
      case 'open':
        return { ok: true, value: await openPkesk(task.sealed, task.files, task.passphrases) };
      case 'makeSigningKey':
        return { ok: true, value: await makeSigningKey(task.name, new Date(task.now)) };
      case 'sign':
        return { ok: true, value: await sign(task.file, task.data, new Date(task.now)) };
      case 'verify':
        return { ok: true, value: await verifySignature(task.files, task.data, task.signature) };
    }
  } catch (thrown) {
    return failed(thrown);
  }
}
