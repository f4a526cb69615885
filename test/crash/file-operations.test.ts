/** Killed before every operation on the state directory: so after every record, and between any two of them. */
import { killedAtEach } from './killing.js';

killedAtEach(
  'before every file operation',
  (point) => point.kind === 'file' && point.torn === undefined && point.power === undefined,
);
