/**
 * What the size of volumes costs and gains, without sending anything: a tar of /usr through the cutter alone, and the volumes that upgrades of
 * packages and changes at random would touch. With restic's own figures of `reuse` beside it, the default was chosen.
 *
 *     npm run bench -- volumes [--tree /usr] [--save]
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { ContentPlan } from '../../src/reuse/content-plan.js';
import { pieceSizes } from '../../src/reuse/volume-size.js';
import { TarWatch } from '../../src/tar/watch.js';
import { seededRandom } from '../../test/support/b2-server/random.js';
import { publish, type Row } from '../report.js';

const KIB = 1024;
const TARGETS = [128, 256, 512, 1024, 2048, 4096].map((kib) => kib * KIB);
const DPKG_INFO = '/var/lib/dpkg/info';
/** Sealed manifest, COMPLETE and index, as measured. */
const BYTES_PER_VOLUME = 145;
const BYTES_PER_MEMBER = 11;
/** USD for a call of class C. */
const PRICE_OF_COPY = 0.004 / 1000;

interface Member {
  readonly path: string;
  readonly from: number;
  readonly to: number;
  readonly isFile: boolean;
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { tree: { type: 'string', default: '/usr' }, save: { type: 'boolean', default: false } },
  });
  const { members, ends } = await cutAll(values.tree);
  const changes: [string, (path: string) => boolean][] = [3, 15, 60].map((count) => {
    const paths = packageFiles(count, values.tree);
    return [`${count} packages upgraded`, (path) => paths.has(path)];
  });
  const random = seededRandom(1000);
  changes.push(['0.1 % of files at random', () => random() < 0.001]);
  const dirty = changes.map(([name, isChanged]) => ({ name, ...dirtyStretches(members, isChanged) }));
  const rows = TARGETS.map((target, at): Row => {
    const volumes = ends[at] ?? [];
    const overhead = BYTES_PER_VOLUME * volumes.length + BYTES_PER_MEMBER * members.length;
    return {
      target: `${target / KIB} KiB`,
      volumes: volumes.length,
      'nothing, MB sent': (overhead / 1e6).toFixed(1),
      ...Object.fromEntries(
        dirty.map(({ name, bytes, stretches }) => [
          `${name} (${(bytes / 1e6).toFixed(1)} MB), MB sent`,
          ((touched(volumes, stretches) + overhead) / 1e6).toFixed(1),
        ]),
      ),
      'copies, USD per archive': (volumes.length * PRICE_OF_COPY).toFixed(3),
    };
  });
  const title = `A tar of ${values.tree}, ${((members.at(-1)?.to ?? 0) / 1e9).toFixed(1)} GB, ${members.length} members`;
  publish(
    {
      topic: 'volumes',
      command: `npm run bench -- volumes ${args.join(' ')}`.trim(),
      notes: [
        'Reckoned, nothing was sent: the volumes that hold changed files and their directories, manifest and index.',
      ],
      tables: [{ title, rows }],
    },
    values.save,
  );
}

/** Where volumes end, for each of the targets. */
async function cutAll(tree: string): Promise<{ members: Member[]; ends: number[][] }> {
  const tar = spawn('tar', ['-C', dirname(tree), '--sort=name', '-cf', '-', basename(tree)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const watch = new TarWatch();
  const plans = TARGETS.map((target) => new ContentPlan(new Uint8Array(32), pieceSizes(target), watch));
  const ends = TARGETS.map((): number[] => []);
  const members: Member[] = [];
  for await (const slice of tar.stdout as AsyncIterable<Buffer>) {
    watch.push(slice);
    for (const [at, plan] of plans.entries()) for (const cut of plan.cuts(slice)) ends[at]?.push(cut.at);
    for (const { path, offset, end, type } of watch.members)
      members.push({
        path: Buffer.from(path).toString().replace(/\/$/, ''),
        from: offset,
        to: end,
        isFile: type === '0',
      });
  }
  for (const list of ends) list.push(watch.reader.bytes);
  return { members, ends };
}

/** Files of so many packages, as they are called in the tar. */
function packageFiles(count: number, tree: string): Set<string> {
  const random = seededRandom(count);
  const lists = readdirSync(DPKG_INFO)
    .filter((name) => name.endsWith('.list'))
    .sort();
  const paths = new Set<string>();
  for (let taken = 0; taken < count && lists.length > 0;) {
    const [list = ''] = lists.splice(Math.floor(random() * lists.length), 1);
    const files = readFileSync(join(DPKG_INFO, list), 'utf8')
      .split('\n')
      .filter((file) => file.startsWith(`${tree}/`));
    for (const file of files) paths.add(relative(dirname(tree), file));
    if (files.length > 0) taken += 1;
  }
  return paths;
}

/** Of changed files, and of the headers of their directories, which get another time. */
function dirtyStretches(
  members: readonly Member[],
  isChanged: (path: string) => boolean,
): { bytes: number; stretches: Member[] } {
  const byPath = new Map(members.map((member) => [member.path, member]));
  const stretches = new Set<Member>();
  let bytes = 0;
  for (const member of members) {
    if (!member.isFile || !isChanged(member.path)) continue;
    bytes += member.to - member.from;
    stretches.add(member);
    const directory = byPath.get(dirname(member.path));
    if (directory !== undefined) stretches.add(directory);
  }
  return { bytes, stretches: [...stretches].sort((a, b) => a.from - b.from) };
}

/** Bytes of the volumes that hold any of it. */
function touched(ends: readonly number[], stretches: readonly Member[]): number {
  let bytes = 0;
  let start = 0;
  let next = 0;
  for (const end of ends) {
    while (next < stretches.length && (stretches[next]?.to ?? 0) <= start) next += 1;
    if ((stretches[next]?.from ?? Infinity) < end) bytes += end - start;
    start = end;
  }
  return bytes;
}
