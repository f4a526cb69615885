/**
 * What an archive costs on a processor without the instructions that this one has: OpenSSL is told not to use them.
 *
 *     npm run bench -- instructions [--mib 512] [--rounds 3] [--save]
 *
 * x86 only. What has no AES instructions here stands for an old Pentium or Atom, and by its shares for a Raspberry Pi 4, whose Cortex-A72
 * comes without the cryptography extensions.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { contest, contestRows } from '../contest.js';
import { corpus, sizeOf } from '../corpus.js';
import { publish, type Row } from '../report.js';

const CIPHERS = fileURLToPath(new URL('../cipher-rates.js', import.meta.url));

/** For `env`: see the manual page of OPENSSL_ia32cap. */
const PROCESSORS: readonly (readonly [string, string])[] = [
  ['all instructions', ''],
  ['no AES, PCLMULQDQ and SHA', 'OPENSSL_ia32cap=~0x200000200000000:~0x20000000'],
  ['nor SSSE3, AVX and later', 'OPENSSL_ia32cap=~0x1200020200000000:~0xffffffff'],
];

const PROFILES = ['librepgp', 'rfc9580', 'rfc9580 --openpgp-aead gcm', 'rfc4880'] as const;

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      mib: { type: 'string', default: '512' },
      rounds: { type: 'string', default: '3' },
      save: { type: 'boolean', default: false },
    },
  });
  if (process.arch !== 'x64' && process.arch !== 'ia32')
    throw new Error('OpenSSL masks instructions of x86 only');
  const ciphers: Row[] = PROCESSORS.map(([processor, mask]) => ({
    processor,
    ...(JSON.parse(
      execFileSync('env', [mask, process.execPath, CIPHERS].filter(Boolean), { encoding: 'utf8' }),
    ) as Row),
  }));

  const input = corpus('random', Number(values.mib));
  const bytes = sizeOf(input);
  const results = await contest(
    PROCESSORS.flatMap(([processor, mask]) =>
      PROFILES.map((profile) => ({
        name: `${processor}: ${profile}`,
        command: `env ${mask} $OURS --quiet --compress none --openpgp-profile ${profile} -- cat "$INPUT"`,
      })),
    ),
    input,
    Number(values.rounds),
  );
  const archives = contestRows(results, bytes).map((row) => ({
    program: row['program'] ?? '',
    'wall s': row['wall s'] ?? '',
    'CPU s': row['CPU s'] ?? '',
  }));
  publish(
    {
      topic: 'instructions',
      command: `npm run bench -- instructions ${args.join(' ')}`.trim(),
      tables: [
        { title: 'node:crypto alone, one thread, slices of 64 KiB, MB/s of CPU time', rows: ciphers },
        { title: `${Math.round(bytes / 2 ** 20)} MiB, incompressible`, rows: archives },
      ],
    },
    values.save,
  );
}
