/** The standard programs that a restore runs: decompressors, tar and gpg. */
import { Failure, type FailureKind } from '../errors.js';
import { Child, type ChildOptions, howItEnded } from '../pipes/child.js';

/** Program and its words. */
export type Command = readonly [program: string, ...words: string[]];

export interface StockProgramOptions extends Pick<ChildOptions, 'stdout' | 'secret' | 'signal' | 'onLine'> {
  /** Kind of its failure. */
  readonly kind: FailureKind;
  readonly env?: NodeJS.ProcessEnv;
}

const SECRETS = new Set(['B2_APPLICATION_KEY', 'BACKUPPC_B2_PASSPHRASE']);

/** Without our secrets, and with messages in English, so that they can be recognised. */
export function plainEnvironment(env = process.env): NodeJS.ProcessEnv {
  const others = Object.entries(env).filter(([name]) => !SECRETS.has(name));
  return { ...Object.fromEntries(others), LC_ALL: 'C' };
}

export function startProgram([program, ...words]: Command, { kind, ...options }: StockProgramOptions): Child {
  return new Child({
    program,
    words,
    env: plainEnvironment(),
    ...options,
    judge(end) {
      const bad = howItEnded(program, end);
      if (bad === undefined) return undefined;
      if (end.kind !== 'notStarted') return new Failure(kind, bad);
      return new Failure('local', bad, { hint: `install ${program}`, cause: end.cause });
    },
  });
}

/** Writes all of it. @throws the program's failure when it takes no more */
export async function feed(child: Child, bytes: Uint8Array): Promise<void> {
  if (await child.write(bytes)) return;
  await child.finished();
  throw new Failure('local', `${child.name} ended before it had read everything`);
}
