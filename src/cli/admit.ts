/** What may be restored, scripted and called good: what this machine can prove to be what was archived, unless the owner says otherwise. */
import { followManifest } from '../catalog/follow-manifest.js';
import type { Manifest } from '../catalog/manifest.js';
import { Failure } from '../errors.js';
import type { CatalogContext, Located } from './context.js';
import { printable } from './format.js';

/** What the owner says to take all the same. */
export interface Allowances {
  readonly unproven?: boolean | undefined;
  readonly unencrypted?: boolean | undefined;
}

export interface AdmitOptions extends Allowances {
  /** Give what there is: without a manifest, with volumes missing. Then what would be refused is a doubt. */
  readonly giveAll: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Admitted extends Located {
  /** What readers obey: `archive` has the volumes that it names. undefined where there is none, and the owner has said so. */
  readonly manifest: Manifest | undefined;
  /** Why the archive may not be whole, as in `web #12 DOUBT`. */
  readonly doubts: readonly string[];
}

/** @throws Failure `unproven`, `damaged` */
export async function admit(
  context: CatalogContext,
  located: Located,
  options: AdmitOptions,
): Promise<Admitted> {
  const { archive, bucket } = located;
  const title = `${printable(archive.host)} #${archive.number}`;
  const plain = notEncrypted(context, located);
  if (plain !== undefined && options.unencrypted !== true) {
    throw new Failure('unproven', `${title}: ${plain}`, {
      hint: 'anybody who can write to the bucket may have put it there; --allow-unencrypted accepts it',
    });
  }
  const ofState = archive.state === 'finished' ? [] : [`is ${archive.state}: ${archive.problems.join('; ')}`];
  const { manifest, doubts } = await manifestOf(context, located, title, options);
  if (manifest === undefined) return { archive, bucket, manifest, doubts: [...ofState, ...doubts] };
  const followed = followManifest(archive, manifest);
  const incomplete = manifest.state === 'partial' ? manifest.reasons : [];
  return {
    bucket,
    archive: followed.archive,
    manifest: followed.manifest,
    doubts: [...ofState, ...doubts, ...incomplete.map((reason) => `was stored incomplete: ${reason}`)],
  };
}

const LOOK_AT_MORE =
  'the bucket is full of forgeries, and the genuine archive may lie behind them: --most-unproven 100000 looks at all of them; --number N looks for one archive only';

interface Judged {
  readonly manifest: Manifest | undefined;
  readonly doubts: readonly string[];
}

async function manifestOf(
  context: CatalogContext,
  located: Located,
  title: string,
  { unproven, giveAll, signal }: AdmitOptions,
): Promise<Judged> {
  const { archive } = located;
  /** Where forgeries were in the way, this is most likely one of them, and not to be taken. */
  const hint = (otherwise: string): { hint: string } => ({
    hint: context.search.isOver ? LOOK_AT_MORE : otherwise,
  });
  const warn = (reason: string): void => {
    context.out.note(`warning: ${title} is unproven: ${printable(reason)}`);
  };
  if (archive.proof === 'name' || archive.manifest === undefined) {
    // The owner has said --legacy or --unfinalized.
    warn(archive.proof === 'name' ? 'it is known by its names alone' : 'it has no manifest');
    return { manifest: undefined, doubts: [] };
  }
  const judged = await context.judge.authenticate(located, signal);
  switch (judged.kind) {
    case 'proven':
      return { manifest: judged.manifest, doubts: [] };
    case 'unproven':
      if (unproven === true) warn(judged.reason);
      else if (!giveAll) {
        throw new Failure(
          'unproven',
          `${title} is unproven: ${judged.reason}`,
          hint('--allow-unproven accepts it'),
        );
      }
      return {
        manifest: judged.manifest,
        doubts: unproven === true ? [] : [`is unproven: ${judged.reason}`],
      };
    case 'unopened':
    case 'damaged': {
      if (!giveAll)
        throw judged.kind === 'unopened'
          ? new Failure('damaged', `${title} cannot be opened: ${judged.problem}`, {
              hint: 'give the passphrase or the secret key of the day it was archived: --passphrase-file may be given several times',
            })
          : new Failure(
              'damaged',
              judged.problem,
              hint('--unfinalized takes the volumes without their manifest'),
            );
      const doubt = 'the volumes are taken as they are, and whether all are there cannot be proven';
      return {
        manifest: undefined,
        doubts: [`has no manifest that can be read (${judged.problem}): ${doubt}`],
      };
    }
  }
}

/** One line where something of the archive is not encrypted, although this machine has keys. */
export function notEncrypted(
  context: Pick<CatalogContext, 'judge'>,
  { archive }: Located,
): string | undefined {
  if (!context.judge.hasKeys) return undefined;
  const plain = archive.volumes.find(({ encrypted }) => !encrypted);
  return plain && `${plain.name} is not encrypted`;
}
