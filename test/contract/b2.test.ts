import { openB2 } from '../../src/b2/open.js';
import { startB2Server } from '../support/b2-server/server.js';
import { storeContract } from './store.contract.js';
import { PATIENT, quickClock } from './quick-clock.js';

const PART_BYTES = 200_000;
const BUCKET = 'contract';

storeContract(
  'Backblaze B2',
  async () => {
    const server = await startB2Server({ buckets: [BUCKET], minPartBytes: PART_BYTES });
    const store = await openB2({
      endpoint: server.url,
      keyId: server.keyId,
      key: server.key,
      bucket: BUCKET,
      clock: quickClock,
      timeouts: PATIENT,
      maxConnections: 4,
    });
    return {
      store,
      seed: (prefix, count) => {
        const bucket = server.bucket(BUCKET);
        for (let i = 0; i < count; i++) bucket.put(prefix + String(i).padStart(4, '0'), Buffer.of(i & 255));
      },
      now: () => Date.now(),
      fetch: async (url, token) => (await fetch(url, { headers: { authorization: token } })).text(),
      close: async () => {
        await store.close();
        await server.close();
      },
    };
  },
  PART_BYTES,
);
