/** A bucket as other programs leave it: names with the shape of an archive's, all of them old, none of them ours. */
import { DAY_MS, NOW, type MemoryStore } from './memory-store.js';

const NAMES = [
  'photos.2023.tar',
  'mysql.7.tar.gz',
  'backup.20230101.tar.gz.gpg',
  'linux-6.1.tar.xz',
  'node-v18.20.4.tar.gz',
  'docs/report.3.tar',
  // Under the very stem of an archive of ours, and of one that only a stranger finished.
  'web.1.tar.aa',
  'web.1.tar.zst',
  'web.2.tar.COMPLETE',
  'dump.5.tar.aa.gpg',
  'dump.5.tar.ac.gpg',
  'dump.5.tar.COMPLETE',
  'holiday.jpg',
];

/** @returns the IDs of what must still be there afterwards */
export function addStrangers(store: MemoryStore): string[] {
  const uploadTimestamp = NOW - 400 * DAY_MS;
  const made = NAMES.map((fileName) =>
    store.add({ fileName, uploadTimestamp }, Buffer.from(`somebody else's ${fileName}`)),
  );
  made.push(
    store.add({ fileName: 'big.4.tar.gz', action: 'start', uploadTimestamp }),
    // Hidden by its owner, who may want it back.
    store.add({ fileName: 'mail.9.tar', uploadTimestamp }, Buffer.from('mail')),
    store.add({ fileName: 'mail.9.tar', action: 'hide', uploadTimestamp: uploadTimestamp + 1 }),
    // File info of ours, but under a name that is none of that archive's: somebody has copied it.
    store.add(
      {
        fileName: 'copies/web.1.tar.aa.gpg',
        uploadTimestamp,
        fileInfo: {
          'bb2-format': '1',
          'bb2-host': 'web',
          'bb2-number': '1',
          'bb2-run': 'run-1',
          'bb2-volume': '0',
        },
      },
      Buffer.from('copy'),
    ),
    // File info that only looks like ours.
    store.add(
      { fileName: 'web.1.tar.ad.gpg', uploadTimestamp, fileInfo: { 'bb2-host': 'web', 'bb2-number': '1' } },
      Buffer.from('half'),
    ),
  );
  return made.map(({ fileId }) => fileId);
}
