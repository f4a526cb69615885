/**
 * Runs a program again and again without forking this process for each run.
 *
 * A fork copies our page tables, and each page that is written next has to be copied, too: 10 to 20 ms of CPU time at 150 MB, more than zstd
 * takes for a volume. So a small shell is started once, and forks in our place: about 1 ms.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import { discard } from '../discard.js';
import type { Failure } from '../errors.js';
import { Child, type ChildEnd } from '../pipes/child.js';
import { compressorFailure } from './compressor-program.js';

/**
 * The first line is MARK. For each line `MARK BYTES PROGRAM WORD...`, runs the program over the bytes that follow the line. Behind what it
 * writes come MARK, what it said, its status, and MARK again: then, and not before, the next line may follow. Where the program does not take
 * all of the bytes, that was the last line: the rest of them must never be read as one.
 */
const LOOP = `set -f
exec 3>&1
read -r expected
while read -r mark bytes command; do
  [ "$mark" = "$expected" ] || exit 1
  said=$( {
    { head -c "$bytes" 2>/dev/null || echo "$0" >&4; } | $command 2>&1 >&3 3>&- 4>&-
    echo ".$?"
  } 4>&1 )
  printf '%s%s%s' "$mark" "$said" "$mark" >&3
  case $said in *"$0"*) exit 1 ;; esac
done`;

/** What the shell says where the program did not take all of its input. */
const REFUSED_INPUT = 'input refused';

/** Words of a command line, none of which has blanks or quotes in it. */
export type PlainCommand = readonly [program: string, ...words: string[]];

export class ProgramShell {
  readonly #shell: Child;
  readonly #mark = randomBytes(16).toString('hex');
  readonly #output: AsyncIterator<Buffer<ArrayBuffer>>;

  /** @param signal Kills it, and what it runs. */
  constructor(env: NodeJS.ProcessEnv, signal: AbortSignal) {
    const judge = (end: ChildEnd): Failure | undefined => compressorFailure('sh', end);
    const words = ['-c', LOOP, REFUSED_INPUT];
    // A group of its own, so that what it runs is killed with it.
    this.#shell = new Child({
      program: '/bin/sh',
      words,
      env,
      stdout: 'pipe',
      signal,
      judge,
      ownGroup: true,
    });
    void this.#shell.write(Buffer.from(`${this.#mark}\n`));
    this.#output = (this.#shell.output as AsyncIterable<Buffer<ArrayBuffer>>)[Symbol.asyncIterator]();
  }

  /**
   * One run at a time. After a failure the shell is gone.
   * @param input not written any more when this resolves
   * @param take told of each slice that the program writes; valid during the call
   * @throws Failure `local` where the program fails or complains; the signal's reason
   */
  async run(command: PlainCommand, input: Uint8Array, take: (slice: Uint8Array) => void): Promise<void> {
    try {
      void this.#shell.write(Buffer.from(`${this.#mark} ${input.length} ${command.join(' ')}\n`));
      const written = this.#shell.write(input);
      const end = await this.#collect(take);
      const failure = compressorFailure(command[0], end);
      if (failure !== undefined) throw failure;
      await written;
    } catch (error) {
      this.#shell.kill();
      throw error;
    }
  }

  /** Lets it end. Nothing may be running. */
  close(): void {
    this.#shell.endInput();
  }

  /** Passes on what is surely the program's, and keeps back what may be the end. */
  async #collect(take: (slice: Uint8Array) => void): Promise<ChildEnd> {
    const mark = Buffer.from(this.#mark);
    let kept = Buffer.alloc(0);
    for (;;) {
      const next = await this.#output.next().catch(() => undefined);
      // Killed, by the signal or by somebody else.
      if (next === undefined || next.done === true) {
        await this.#shell.finished();
        throw new Error('the shell ended before its program');
      }
      const { value } = next;
      const bytes = kept.length === 0 ? value : Buffer.concat([kept, value]);
      const at = bytes.indexOf(mark);
      if (at === -1) {
        const sure = Math.max(0, bytes.length - mark.length + 1);
        take(bytes.subarray(0, sure));
        kept = Buffer.from(bytes.subarray(sure));
      } else {
        take(bytes.subarray(0, at));
        kept = Buffer.from(bytes.subarray(at));
        if (kept.length > mark.length && kept.subarray(-mark.length).equals(mark)) {
          discard(value);
          return endOf(kept.subarray(mark.length, -mark.length).toString());
        }
      }
      discard(value);
    }
  }
}

/** @param told what the program said, a dot and its status */
function endOf(told: string): ChildEnd {
  const dot = told.lastIndexOf('.');
  const status = Number(told.slice(dot + 1));
  const lines = told
    .slice(0, dot)
    .split('\n')
    .filter((line) => line !== '');
  const said = lines.filter((line) => line !== REFUSED_INPUT);
  if (status === 127) return { kind: 'notStarted', cause: notFound() };
  const signal = Object.entries(constants.signals).find(([, number]) => status === 128 + number)?.[0];
  if (signal !== undefined) return { kind: 'signalled', by: signal as NodeJS.Signals, said };
  return { kind: 'exited', status, said, refusedInput: said.length < lines.length };
}

function notFound(): Error {
  return Object.assign(new Error('not found'), { code: 'ENOENT' });
}

/** Shells for programs that run side by side: as many as there are runs at once. */
export class ProgramShells {
  readonly #env: NodeJS.ProcessEnv;
  readonly #signal: AbortSignal;
  readonly #idle: ProgramShell[] = [];

  /** @param signal Kills them all; it gets a listener for each. */
  constructor(env: NodeJS.ProcessEnv, signal: AbortSignal) {
    this.#env = env;
    this.#signal = signal;
  }

  /** As `ProgramShell.run`. */
  async run(...how: Parameters<ProgramShell['run']>): Promise<void> {
    this.#signal.throwIfAborted();
    const shell = this.#idle.pop() ?? new ProgramShell(this.#env, this.#signal);
    await shell.run(...how);
    this.#idle.push(shell);
  }

  /** Lets those end that have nothing to do. */
  close(): void {
    for (const shell of this.#idle.splice(0)) shell.close();
  }
}
