/** Reads an archive as a restore does: checks the parts, opens them, and walks the tar. Goes on after damage, to find all of it. */
import { piecesToCheck } from '../catalog/check.js';
import { mayHoldOther, type Manifest } from '../catalog/manifest.js';
import { placesOf } from '../catalog/volume-places.js';
import { Failure } from '../errors.js';
import { NotOpened } from '../openpgp/session-keys.js';
import type { Child } from '../pipes/child.js';
import { newWork } from '../reporting/work.js';
import { sealedCheck } from '../restore/sealed-check.js';
import { feed, startProgram, type Command } from '../restore/stock-program.js';
import { TarError, TarWalk, type TarCounts } from '../restore/tar-walk.js';
import type { Located } from './archives.js';
import type { DamagedVolumes } from './damaged-volumes.js';
import { decompressCommand } from './decompress.js';
import { titleOf } from './format.js';
import type { RestoreContext } from './restore.js';

export interface ReadThrough {
  readonly problems: string[];
  /** undefined: it could not be walked to its end. */
  readonly tar: TarCounts | undefined;
  /** It is something else than a tar, a dump for example. */
  readonly isOther: boolean;
}

/** @param damage told of the volumes that are damaged */
export async function readThrough(
  context: RestoreContext,
  { bucket, archive }: Located,
  manifest: Manifest | undefined,
  damage: DamagedVolumes,
  { json, signal }: { readonly json: boolean; readonly signal?: AbortSignal | undefined },
): Promise<ReadThrough> {
  const problems: string[] = [];
  const total = manifest?.volumes.reduce((sum, { dataBytes }) => sum + dataBytes, 0) ?? archive.bytes;
  const work = newWork({ title: titleOf(archive), unit: 'bytes', total });
  const told = new Set<string>();
  const onSealed = sealedCheck(piecesToCheck(archive, manifest), (line, volume) => {
    problems.push(line);
    told.add(volume.fileId);
    damage.add(volume);
  });
  const reader = await context.archiveReader({ bucket, archive }, manifest);
  const tar = new WalkedTar(decompressCommand(archive), manifest !== undefined && mayHoldOther(manifest));
  // Behind a gap a tar, and a compressed stream even more so, says nothing that could be believed.
  let whole = placesOf(archive, manifest).every(({ volume }) => volume !== undefined);
  try {
    await context.out.follow(json ? undefined : work, async () => {
      for await (const piece of reader.read(archive.volumes, { signal, onSealed, keepGoing: true })) {
        work.done += piece.bytes.length;
        if (piece.lost !== undefined) {
          const { volume, lost } = piece;
          // Not even one volume was opened: the key may be the wrong one.
          if (lost.error instanceof NotOpened && work.done === 0 && !told.has(volume.fileId))
            throw lost.error;
          whole = false;
          // The SHA-1 of the part has told already.
          if (!told.has(volume.fileId)) problems.push(lost.reason);
          damage.add(volume);
        }
        if (whole) await tar.push(piece.bytes);
      }
      if (whole) await tar.end();
    });
  } catch (error) {
    // Only damage is a problem of the archive; what prevents reading it is not.
    const its = error instanceof TarError || (error instanceof Failure && error.kind === 'damaged');
    if (!its || error instanceof NotOpened) throw error;
    whole = false;
    problems.push(error.message);
    damage.addSomewhere();
  } finally {
    tar.stop();
  }
  if (!whole) return { problems, tar: undefined, isOther: false };
  const { counts, isOther } = tar;
  if (manifest !== undefined && problems.length === 0 && manifest.tar.bytes !== counts.bytes)
    problems.push(`the tar has ${counts.bytes} bytes, the manifest says ${manifest.tar.bytes}`);
  return { problems, tar: counts, isOther };
}

/** A tar that may have to be decompressed before it is walked. */
class WalkedTar {
  readonly #walk: TarWalk;
  readonly #child: Child | undefined;
  /** Of the decompressed tar. */
  readonly #walked: Promise<void> | undefined;
  #error: unknown;

  constructor(decompress: Command | undefined, mayBeOther: boolean) {
    this.#walk = new TarWalk(mayBeOther);
    this.#child = decompress && startProgram(decompress, { stdout: 'pipe', kind: 'damaged' });
    this.#walked = this.#child && this.#walkAll(this.#child);
    this.#walked?.catch((error: unknown) => {
      this.#error = error;
      this.stop();
    });
  }

  get counts(): TarCounts {
    return this.#walk.counts;
  }

  get isOther(): boolean {
    return this.#walk.isOther;
  }

  /** @throws TarError, or Failure `damaged` from the decompressor */
  async push(bytes: Uint8Array): Promise<void> {
    if (this.#child === undefined) this.#walk.push(bytes);
    else await this.#blaming(feed(this.#child, bytes));
  }

  async end(): Promise<void> {
    if (this.#child !== undefined) {
      this.#child.endInput();
      await this.#walked;
      await this.#blaming(this.#child.finished());
    }
    this.#walk.end();
  }

  stop(): void {
    this.#child?.kill();
  }

  /** What was wrong in the tar, rather than that its decompressor was stopped for it. */
  async #blaming(step: Promise<unknown>): Promise<void> {
    try {
      await step;
    } catch (error) {
      throw this.#error ?? error;
    }
  }

  async #walkAll(child: Child): Promise<void> {
    for await (const chunk of child.output as AsyncIterable<Uint8Array>) this.#walk.push(chunk);
  }
}
