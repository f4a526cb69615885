/** The context of commands that read archives' data. */
import type { Manifest } from '../catalog/manifest.js';
import type { HistoryRecord } from '../reporting/history.js';
import type { DataReader } from '../restore/data-reader.js';
import type { ArchiveReader } from '../restore/reader.js';
import type { Located } from './archives.js';
import type { CatalogContext } from './context.js';

export interface RestoreContext extends CatalogContext {
  /** Keeps what was verified, for the report; best effort. */
  remember?(record: HistoryRecord): Promise<void>;
  /** Reads this archive's volumes: in the worker pool if the manifest has their parts, else as streams. */
  archiveReader(located: Located, manifest: Manifest | undefined): Promise<ArchiveReader>;
  /** Reads ranges of its data: only the parts that hold them, if parts can be opened alone. */
  dataReader(located: Located, manifest: Manifest): Promise<DataReader>;
}
