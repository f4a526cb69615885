/** What another user of the machine, BackupPC's page or a server may try on the program as it runs. Each once did harm. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { skipWithout, skipWithoutRoot } from '../support/debian.js';
import { BUCKET, Journey, type Ended, type Running } from './harness.js';

const NOBODY = 65534;
const TRIES = 4;
/** A run that waits for a pipe would wait for ever. */
const PATIENCE_MS = 60_000;

describe('on a machine shared with others', () => {
  let journey: Journey;
  let tarCreate: string;
  before(async () => {
    journey = await Journey.begin();
    mkdirSync(join(journey.directory, 'tree'));
    journey.write('tree/file', Buffer.alloc(100_000, 'x'));
    tarCreate = journey.tarOf(join(journey.directory, 'tree'));
  });
  after(() => journey.end());

  const endOf = async (run: Running): Promise<Ended> => {
    const late = setTimeout(() => {
      run.kill('SIGKILL');
    }, PATIENCE_MS);
    try {
      return await run.ended;
    } finally {
      clearTimeout(late);
    }
  };
  /** The log is written where nobody listens. */
  const goAway = async (run: Running): Promise<void> => {
    await run.saw(/starting/);
    run.stopReading();
  };
  const archive = (host: string, words: readonly string[] = [], over = {}): Promise<Ended> =>
    endOf(journey.archiveHost([...words, ...journey.positionals(tarCreate, { host, ...over })]));

  for (const end of ['journal', 'lock', 'log'] as const) {
    const nameOf = (host: string): string =>
      join(journey.outLoc, end === 'log' ? `${host}.12.log` : `${host}.12.${BUCKET}.${end}`);

    it(`a pipe in the place of the ${end} holds nobody up`, async () => {
      const pipe = nameOf(`pipe-${end}`);
      execFileSync('mkfifo', [pipe]);
      const run = journey.archiveHost(journey.positionals(tarCreate, { host: `pipe-${end}` }));
      if (end === 'log') await goAway(run);
      const { signal, status } = await endOf(run);
      assert.equal(signal, null, 'it hung');
      if (end !== 'log') assert.notEqual(status, 0);
      const listed = await endOf(
        journey.start('backuppc-b2', [
          'list',
          '--endpoint',
          journey.server.url,
          '--bucket',
          BUCKET,
          '--state-dir',
          journey.outLoc,
        ]),
      );
      assert.equal(listed.signal, null, 'list hung');
      execFileSync('rm', [pipe]);
    });

    it(`a link in the place of the ${end} is not followed`, async () => {
      const diary = journey.write(`diary-${end}`, 'my diary');
      symlinkSync(diary, nameOf(`link-${end}`));
      const words = journey.positionals(tarCreate, { host: `link-${end}` });
      const run = journey.archiveHost(words);
      if (end === 'log') await goAway(run);
      await endOf(run);
      assert.equal(readFileSync(diary, 'utf8'), 'my diary');
      assert.equal(statSync(diary).mode & 0o777, 0o644);
    });
  }

  it('a configuration that others may write is not obeyed', async () => {
    const victim = join(journey.directory, 'touched');
    const config = journey.write('open.toml', `passphrase_command = "touch ${victim}; echo secret"\n`, 0o666);
    const words = ['list', '--config', config, '--endpoint', journey.server.url, '--bucket', BUCKET];
    const { status, output } = await endOf(journey.start('backuppc-b2', words));
    assert.equal(status, 3, output);
    const all = [...words.slice(1), ...journey.positionals(tarCreate, { host: 'open' })];
    const run = await endOf(journey.start('BackupPC_archiveHost_b2', all));
    assert.equal(run.status, 3, run.output);
    assert.ok(!existsSync(victim), 'its command has run');
  });

  /** What the owner of a directory does while root's setup works in it: `$target` is root's, `$path` a place where setup writes. */
  const RACES: Readonly<Record<string, { readonly path: string; readonly perl: string }>> = {
    'read through': {
      path: 'backuppc-b2.toml',
      // Between two looks at what is to be kept as .old.
      perl: 'symlink($target, "$path.x"); 1 while -e "$path.old"; rename("$path.x", $path)',
    },
    'written through': { path: 'backuppc-b2.toml.old', perl: 'symlink($target, $path) while 1' },
    'given away': {
      path: 'state',
      // renameat2(2) with RENAME_EXCHANGE: in the moment when the directory is there.
      perl: 'symlink($target, "$path.x"); 1 while syscall(316, -100, "$path.x", -100, $path, 2) != 0',
    },
  };
  for (const [done, { path, perl }] of Object.entries(RACES))
    it(
      `root's setup in a directory of somebody else, who puts a link to a file of root there: nothing is ${done}`,
      { skip: skipWithoutRoot() || skipWithout('perl') || skipWithout('setpriv') },
      async () => {
        chmodSync(journey.directory, 0o711);
        // A race: on the versions that lose it, one try in two or three.
        for (let tried = 0; tried < TRIES; tried++) {
          const directory = join(journey.directory, `of-nobody-${path}-${tried}`);
          mkdirSync(directory);
          const target = journey.write('of-root', 'of root', 0o600);
          const config = join(directory, 'backuppc-b2.toml');
          for (const own of path === 'backuppc-b2.toml.old' ? [config] : [config, `${config}.old`])
            writeFileSync(own, '#\n', { mode: 0o644 });
          for (const own of [directory, ...readdirSync(directory).map((name) => join(directory, name))])
            chownSync(own, NOBODY, NOBODY);
          const racer = spawn('setpriv', [
            ...[`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'],
            ...['perl', '-e', `my ($target, $path) = @ARGV; ${perl}`],
            ...[target, join(directory, path)],
          ]);
          await once(racer, 'spawn');
          const words = ['--force', '--no-check', '--user', 'nobody', '--config', config];
          await endOf(
            journey.start('backuppc-b2', [
              ...['setup', ...words, '--endpoint', journey.server.url, '--bucket', BUCKET],
              ...['--bin-directory', directory, '--passphrase-file', journey.passphraseFile],
              ...['--state-dir', join(directory, 'state')],
            ]),
          );
          racer.kill('SIGKILL');
          const { uid, mode } = statSync(target);
          assert.deepEqual([uid, mode & 0o777, readFileSync(target, 'utf8')], [0, 0o600, 'of root']);
          const kept = lstatSync(`${config}.old`, { throwIfNoEntry: false });
          if (kept?.isFile() === true)
            assert.notEqual(readFileSync(`${config}.old`, 'utf8'), 'of root', 'nobody has a copy');
        }
      },
    );

  it('a removed working directory holds up no run', async () => {
    const gone = join(journey.directory, 'gone');
    const within = ['sh', '-c', `mkdir '${gone}' && cd '${gone}' && rmdir '${gone}' && exec "$0" "$@"`];
    const words = journey.positionals(tarCreate, { host: 'gone' });
    const { status, output } = await endOf(journey.archiveHost(words, {}, within));
    assert.equal(status, 0, output);
  });

  it('a split size of one byte does not make a volume of each byte', async () => {
    const { output } = await archive('splinters', ['--split-size', '1']);
    const names = journey.server
      .bucket(BUCKET)
      .names()
      .filter((name) => name.startsWith('splinters.'));
    assert.ok(names.length < 10, `${names.length} objects: ${output}`);
  });

  it('a script with a token that replaces a world-readable one is private', async () => {
    assert.equal((await archive('web')).status, 0);
    const path = journey.write('restore.sh', 'an older one', 0o644);
    const { status, output } = await journey.companion(['script', '--host', 'web', '--output', path]);
    assert.equal(status, 0, output);
    assert.match(readFileSync(path, 'utf8'), /^token='/m);
    assert.equal(statSync(path).mode & 0o077, 0);
  });

  it("whoever gets a script is told whose archives its token opens besides: a host's whose name begins like the archive's", async () => {
    for (const host of ['token', 'token.12.tar.x']) assert.equal((await archive(host)).status, 0);
    const path = join(journey.directory, 'token.sh');
    const { status, output } = await journey.companion(['script', '--host', 'token', '--output', path]);
    assert.equal(status, 0, output);
    const token = /^token='([^']*)'/m.exec(readFileSync(path, 'utf8'))?.[1] ?? '';
    const theirs = `${journey.server.url}/file/${BUCKET}/token.12.tar.x.12.tar.gpg`;
    assert.equal((await fetch(theirs, { headers: { authorization: token } })).status, 200);
    assert.match(output, /warning: the token in this script also opens the archives of token\.12\.tar\.x/);
  });

  describe('a server that tries to break out', () => {
    let proxy: Server;
    let url: string;
    let token: string;
    before(async () => {
      proxy = createServer((request, response) => {
        void (async () => {
          const pieces: Buffer[] = [];
          for await (const piece of request) pieces.push(piece as Buffer);
          const headers = Object.entries(request.headers).filter(
            ([name]) => name !== 'host' && name !== 'connection',
          );
          const answer = await fetch(`${journey.server.url}${request.url ?? ''}`, {
            method: request.method ?? 'GET',
            headers: headers.map(([name, value]): [string, string] => [name, String(value)]),
            ...(request.method === 'POST' ? { body: Buffer.concat(pieces) } : {}),
          });
          let body = Buffer.from(await answer.arrayBuffer());
          if (/json/.test(answer.headers.get('content-type') ?? '')) {
            const text = body.toString().replaceAll(journey.server.url, url);
            body = Buffer.from(text);
            if (request.url?.includes('b2_get_download_authorization') === true)
              body = Buffer.from(
                JSON.stringify({ ...(JSON.parse(text) as object), authorizationToken: token }),
              );
          }
          response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
          response.end(body);
        })();
      });
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
      url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    });
    after(() => {
      proxy.close();
      proxy.closeAllConnections();
    });

    it('https stays https: no request follows an answer that leads to plain http, on this machine neither', async () => {
      const pem = readFileSync(new URL('../../../test/vectors/localhost.pem', import.meta.url));
      const front = createSecureServer({ key: pem, cert: pem }, (request, response) => {
        const { authorization = '' } = request.headers;
        void fetch(`${journey.server.url}${request.url ?? ''}`, { headers: { authorization } }).then(
          async (answer) => {
            response.writeHead(answer.status, { 'content-type': 'application/json' });
            response.end(await answer.text());
          },
        );
      });
      await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
      journey.server.clearLog();
      const endpoint = `https://127.0.0.1:${(front.address() as AddressInfo).port}`;
      // Its certificate is nobody's, and not what this is about.
      const run = journey.start('backuppc-b2', ['list', '--endpoint', endpoint, '--bucket', BUCKET], {
        NODE_TLS_REJECT_UNAUTHORIZED: '0',
      });
      const asked = (): string[] => journey.server.requests.map(({ operation }) => operation);
      await run.saw(/no usable "apiUrl"/);
      run.kill('SIGTERM');
      const { output } = await run.ended;
      front.close();
      front.closeAllConnections();
      assert.deepEqual([...new Set(asked())], ['b2_authorize_account'], output);
    });

    it('no script is made with a token that would write files', async () => {
      token = `x"\noutput = "${join(journey.directory, 'written-by-the-server')}"\nheader = "X: y`;
      const path = join(journey.directory, 'evil.sh');
      const run = journey.start('backuppc-b2', [
        'script',
        '--host',
        'web',
        '--output',
        path,
        '--endpoint',
        url,
        '--bucket',
        BUCKET,
        '--passphrase-file',
        journey.passphraseFile,
      ]);
      // A server in trouble is asked again for a long time.
      const late = setTimeout(() => {
        run.kill('SIGTERM');
      }, 15_000);
      await run.ended;
      clearTimeout(late);
      assert.ok(!existsSync(path), 'a script was made');
    });
  });
});
