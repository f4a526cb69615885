/** Killed within every write to the state directory, and with the power lost before every sync. */
import { killedAtEach } from './killing.js';

killedAtEach(
  'within every write, and with the power lost before every sync',
  (point) => point.kind === 'file' && (point.torn !== undefined || point.power !== undefined),
);
