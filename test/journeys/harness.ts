/** The real program as a process, a B2 of our own, and stand-ins for tarCreate. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startB2Server, type B2Server, type B2ServerOptions } from '../support/b2-server/server.js';
import { NODE_ENVIRONMENT, programPath } from '../support/programs.js';

export const BUCKET = 'backuppc-test';
export const PASSPHRASE = 'correct horse battery staple';

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  /** What BackupPC would show as the error message. */
  readonly lastLine: string;
}

export interface Running {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** Resolves when the output has a match. */
  saw(pattern: RegExp): Promise<void>;
  /** Resolves when it is so, looked at again and again; rejects where the program ends before. */
  until(so: () => boolean): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Nobody reads the program's output any more. */
  stopReading(): void;
}

/** A directory for everything, a server with a bucket, a passphrase file. */
export class Journey {
  readonly directory = mkdtempSync(join(tmpdir(), 'journey-'));
  readonly server: B2Server;
  readonly passphraseFile: string;
  readonly outLoc: string;

  private constructor(server: B2Server) {
    this.server = server;
    this.passphraseFile = this.write('passphrase', `${PASSPHRASE}\n`, 0o600);
    this.outLoc = join(this.directory, 'state');
    mkdirSync(this.outLoc);
  }

  static async begin(options: B2ServerOptions = {}): Promise<Journey> {
    return new Journey(await startB2Server({ buckets: [BUCKET], ...options }));
  }

  async end(): Promise<void> {
    await this.server.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  write(name: string, contents: string | Uint8Array, mode = 0o644): string {
    const path = join(this.directory, name);
    writeFileSync(path, contents);
    chmodSync(path, mode);
    return path;
  }

  /** A tarCreate that runs these lines of sh; `$6` and so on are its arguments. */
  tarCreate(lines: string): string {
    return this.write(`tarCreate-${Math.random().toString(36).slice(2)}`, `#!/bin/sh\n${lines}\n`, 0o755);
  }

  /** A tarCreate that archives `tree` and says what BackupPC's says. */
  tarOf(tree: string): string {
    return this.tarCreate(
      `tar -C '${tree}' --sort=name -cf - . && echo 'Done: 3 files, 5000 bytes, 1 dirs, 0 specials, 0 errors' >&2`,
    );
  }

  /** With the cheapest keys from passphrases: they are made thousands of times, by us and by gpg. */
  readonly flags: readonly string[] = ['--s2k-bytes', '1024', '--workers', '2'];

  /** The eleven arguments as BackupPC passes them. */
  positionals(
    tarCreate: string,
    over: Partial<Record<'host' | 'number' | 'compPath' | 'compExt' | 'splitSize' | 'outLoc', string>> = {},
  ): string[] {
    return [
      tarCreate,
      '/usr/bin/split',
      '',
      over.host ?? 'web.example',
      over.number ?? '12',
      over.compPath ?? '/bin/cat',
      over.compExt ?? '.raw',
      over.splitSize ?? '0000000',
      over.outLoc ?? this.outLoc,
      '0',
      '*',
    ];
  }

  /** Runs the door BackupPC calls, with BackupPC's environment. */
  archiveHost(
    words: readonly string[],
    extra: NodeJS.ProcessEnv = {},
    within: readonly string[] = [],
  ): Running {
    return this.start(
      'BackupPC_archiveHost_b2',
      [
        ...this.flags,
        '--endpoint',
        this.server.url,
        '--bucket',
        BUCKET,
        '--passphrase-file',
        this.passphraseFile,
        ...words,
      ],
      extra,
      within,
    );
  }

  /** The companion, with the passphrase. @param stateDirectory what this machine remembers; none: it is another one */
  companion(
    words: readonly string[],
    stateDirectory = join(this.directory, 'elsewhere'),
    extra: NodeJS.ProcessEnv = {},
    within: readonly string[] = [],
  ): Promise<Ended> {
    const whole = [
      ...words,
      '--endpoint',
      this.server.url,
      '--bucket',
      BUCKET,
      '--passphrase-file',
      this.passphraseFile,
      '--state-dir',
      stateDirectory,
    ];
    return this.start('backuppc-b2', whole, extra, within).ended;
  }

  /** @param within a program that runs it, and its arguments */
  start(
    name: string,
    words: readonly string[],
    extra: NodeJS.ProcessEnv = {},
    within: readonly string[] = [],
  ): Running {
    const [program = '', ...all] = [...within, programPath(name), ...words];
    const child = spawn(program, all, {
      cwd: '/',
      env: {
        PATH: '/bin:/usr/bin',
        HOME: this.directory,
        ...NODE_ENVIRONMENT,
        BACKUPPC_B2_CONFIG: this.write('empty.toml', ''),
        B2_APPLICATION_KEY_ID: this.server.keyId,
        B2_APPLICATION_KEY: this.server.key,
        ...extra,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const watchers = new Set<() => void>();
    const add = (bytes: Buffer): void => {
      output += bytes.toString();
      for (const watch of watchers) watch();
    };
    child.stdout.on('data', add);
    child.stderr.on('data', add);
    const ended = new Promise<Ended>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status, signal) => {
        resolve({ status, signal, output, lastLine: output.trimEnd().split('\n').at(-1) ?? '' });
      });
    });
    let over = false;
    void ended.then(() => (over = true));
    return {
      pid: child.pid ?? 0,
      ended,
      saw: (pattern) =>
        new Promise((resolve, reject) => {
          const watch = (): void => {
            if (!pattern.test(output)) return;
            watchers.delete(watch);
            resolve();
          };
          watchers.add(watch);
          watch();
          void ended.then(() => {
            reject(new Error(`ended without ${String(pattern)}:\n${output}`));
          });
        }),
      until: async (so) => {
        while (!so()) {
          if (over) throw new Error(`ended too early:\n${output}`);
          await delay(5);
        }
      },
      kill: (signal) => {
        child.kill(signal);
      },
      stopReading: () => {
        child.stdout.destroy();
        child.stderr.destroy();
      },
    };
  }
}
