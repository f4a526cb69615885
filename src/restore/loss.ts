/** Which errors `--keep-going` continues after. */
import type { Volume } from '../catalog/archive.js';
import { Failure } from '../errors.js';

/**
 * Why these bytes of the volume are lost; undefined if the error is not about them: a refused key, a dead network, a full disk or a stop end
 * everything.
 */
export function lossOf(error: unknown, volume: Volume): string | undefined {
  if (!(error instanceof Failure)) return undefined;
  const gone = error.kind === 'notFound';
  if (!gone && error.kind !== 'damaged') return undefined;
  return error.message.startsWith(volume.name) ? error.message : `${volume.name}: ${error.message}`;
}
