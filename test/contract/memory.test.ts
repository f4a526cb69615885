import { memoryStore, NOW } from '../cli/memory-store.js';
import { storeContract } from './store.contract.js';

storeContract(
  'memory',
  () => {
    const store = memoryStore();
    return Promise.resolve({
      store,
      seed: (prefix, count) => {
        for (let i = 0; i < count; i++)
          store.add({ fileName: prefix + String(i).padStart(4, '0') }, Buffer.of(i & 255));
      },
      now: () => NOW,
      fetch: async (url, token) => {
        const { baseUrl } = await store.downloadAuthorization('', 60);
        const fileName = decodeURIComponent(url.slice(baseUrl.length));
        const allowed = decodeURIComponent(token.replace('token-for-', ''));
        const version = store.versions.findLast((each) => each.fileName === fileName);
        const content = fileName.startsWith(allowed) && version && store.contents.get(version.fileId);
        return content ? Buffer.from(content).toString() : 'refused';
      },
      close: () => store.close(),
    });
  },
  1000,
);
