/** What commands that read archives' data are given. */
import type { Manifest } from '../catalog/manifest.js';
import type { HistoryRecord } from '../reporting/history.js';
import type { DataReader } from '../restore/data-reader.js';
import type { ArchiveReader } from '../restore/reader.js';
import type { Located } from './archives.js';
import type { CatalogContext } from './context.js';

export interface RestoreContext extends CatalogContext {
  /** Keeps what was verified, for the report; best effort. */
  remember?(record: HistoryRecord): Promise<void>;
  /** What reads this archive's volumes: in the worker pool where the manifest tells their parts, else as streams. */
  archiveReader(located: Located, manifest: Manifest | undefined): Promise<ArchiveReader>;
  /** What reads ranges of its data: only the parts that hold them, where they can be opened by themselves. */
  dataReader(located: Located, manifest: Manifest): Promise<DataReader>;
}
