/** A small archive made by tar, a compressor and gpg: nothing of ours has touched its bytes. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const PASSPHRASE = `it's "a" p$ss\\phrase `;

export interface MadeVolume {
  readonly suffix: string;
  readonly bytes: Buffer;
  readonly parts: readonly (readonly [bytes: number, sha1: string])[];
}

export interface MadeArchive {
  /** Scratch directory; also GNUPGHOME is in it. */
  readonly directory: string;
  /** What the tar was made of. */
  readonly source: string;
  readonly tar: Buffer;
  readonly volumes: readonly MadeVolume[];
  readonly environment: NodeJS.ProcessEnv;
  /** Of each volume, inside. */
  readonly dataBytes: readonly number[];
  dispose(): void;
}

export interface Recipe {
  /** Undefined: the volumes hold the plain tar. */
  readonly compress?: readonly [string, ...string[]];
  /** Compression inside the OpenPGP message, as the older Python scripts had gpg do it. */
  readonly gpgCompression?: 'none' | 'zlib' | 'bzip2';
  readonly volumeBytes: number;
  readonly partBytes: number;
  /** Size of the random file. */
  readonly fileBytes?: number;
  /** Further files of 10,000 random octets each: `small0`, `small1`, … */
  readonly smallFiles?: number;
}

export function sha1(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex');
}

export function gpgEncrypt(
  environment: NodeJS.ProcessEnv,
  bytes: Uint8Array,
  passphrase: string | Uint8Array,
  compression: string,
  directory: string,
): Buffer {
  const file = join(directory, `plain-${randomBytes(6).toString('hex')}`);
  writeFileSync(file, bytes);
  const words = [
    '--batch',
    '--quiet',
    '--pinentry-mode',
    'loopback',
    '--passphrase-fd',
    '0',
    '--compress-algo',
    compression,
  ];
  const gpg = spawnSync('gpg', [...words, '--s2k-count', '65536', '-o', '-', '-c', file], {
    input: Buffer.concat([Buffer.from(passphrase), Buffer.from('\n')]),
    env: environment,
    maxBuffer: 1 << 30,
  });
  rmSync(file);
  if (gpg.status !== 0) throw new Error(gpg.stderr.toString());
  return gpg.stdout;
}

export function makeArchive(recipe: Recipe): MadeArchive {
  const directory = mkdtempSync(join(tmpdir(), 'restore-test-'));
  const source = join(directory, 'source');
  const gnupg = join(directory, 'gnupg');
  mkdirSync(gnupg, { mode: 0o700 });
  mkdirSync(join(source, 'share', 'sub dir'), { recursive: true });
  writeFileSync(join(source, 'share', 'random'), randomBytes(recipe.fileBytes ?? 300_000));
  for (let file = 0; file < (recipe.smallFiles ?? 0); file++)
    writeFileSync(join(source, 'share', `small${file}`), randomBytes(10_000));
  writeFileSync(join(source, 'share', `it's $HOME "x" \`y\``), 'quotes');
  writeFileSync(join(source, 'share', 'sub dir', 'empty'), '');
  writeFileSync(join(source, 'share', 'sub dir', '-rf'), 'an option?');
  const environment = { ...process.env, GNUPGHOME: gnupg, LC_ALL: 'C' };
  const tar = execFileSync('tar', ['-C', source, '-cf', '-', '.'], { maxBuffer: 1 << 30 });
  const [program, ...words] = recipe.compress ?? [];
  const packed =
    program === undefined ? tar : execFileSync(program, words, { input: tar, maxBuffer: 1 << 30 });
  execFileSync('split', ['-b', String(recipe.volumeBytes), '-', 'v.'], { cwd: directory, input: packed });
  const names = readdirSync(directory)
    .filter((name) => /^v\.[a-z]+$/.test(name))
    .sort();
  const volumes = names.map((name) => {
    const bytes = gpgEncrypt(
      environment,
      readFileSync(join(directory, name)),
      PASSPHRASE,
      recipe.gpgCompression ?? 'none',
      directory,
    );
    const parts: (readonly [number, string])[] = [];
    for (let at = 0; at < bytes.length; at += recipe.partBytes) {
      const part = bytes.subarray(at, at + recipe.partBytes);
      parts.push([part.length, sha1(part)]);
    }
    return { suffix: name.slice(2), bytes, parts };
  });
  return {
    directory,
    source,
    tar,
    volumes,
    environment,
    get dataBytes() {
      return names.map((name) => statSync(join(directory, name)).size);
    },
    dispose() {
      spawnSync('gpgconf', ['--kill', 'gpg-agent'], { env: environment });
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
