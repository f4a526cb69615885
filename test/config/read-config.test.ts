import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { readConfig } from '../../src/config/read-config.js';
import { readApplicationKey, readPassphrases } from '../../src/config/secrets.js';
import { formatBytes, parseBytes, duration } from '../../src/config/values.js';
import { Failure } from '../../src/errors.js';

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'config-'));
});
after(() => {
  rmSync(directory, { recursive: true });
});

function file(name: string, contents: string, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, contents);
  chmodSync(path, mode);
  return path;
}

function problemsOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof Failure && error.kind === 'config', String(error));
    return `${error.message}; ${error.hint ?? ''}`;
  }
  return assert.fail('nothing was refused');
}

describe('configuration', () => {
  it('parts of more than 2000 MiB are refused as a setting: one is a piece of an OpenPGP packet', () => {
    const read = (part_size: string) => readConfig({ environment: {}, flags: { part_size } }).part_size;
    assert.equal(read('2000M'), 2000 * 2 ** 20);
    assert.match(
      problemsOf(() => read('2G')),
      /--part-size: .*a size from 5 MiB to 1\.95 GiB/,
    );
  });

  it('a prefix that B2 would not take, or that a client would resolve, is refused before anything is sent', () => {
    const read = (prefix: string) => readConfig({ environment: {}, flags: { prefix } }).prefix;
    for (const good of ['', 'backuppc/', 'a/b-', '..a/', '.hidden/', 'ü x/']) assert.equal(read(good), good);
    for (const bad of ['/lead/', 'a//b', '../', 'a/./b/', 'a/../'])
      assert.match(
        problemsOf(() => read(bad)),
        /--prefix: .*without \/ in front/,
      );
  });

  it('a setting of an earlier version is ignored', () => {
    const path = file('retired.toml', 'retries = 20\nbucket = "b"\n');
    assert.equal(readConfig({ file: path, environment: {}, flags: {} }).bucket, 'b');
  });

  it('takes the file, then the environment, then the flags', () => {
    const path = file(
      'order.toml',
      'bucket = "from-file"\nendpoint = "https://file.example"\nworkers = 3\nmemory = "64M"\n',
    );
    const config = readConfig({
      file: path,
      environment: { B2_BUCKET: 'from-env', B2_ENDPOINT: 'https://env.example' },
      flags: { endpoint: 'http://127.0.0.1:1' },
    });
    assert.deepEqual(
      [config.bucket, config.endpoint, config.workers, config.memory],
      ['from-env', 'http://127.0.0.1:1', 3, 64 * 1024 * 1024],
    );
    assert.deepEqual([...config.given].sort(), ['bucket', 'endpoint', 'memory', 'workers']);
    assert.equal(config.file, path);
    assert.ok(Object.isFrozen(config));
  });

  it('reports all problems at once, each with its place and what would be right', () => {
    const path = file('wrong.toml', 'workers = 0\nbuckett = "x"\nlock_mode = "soft"\n');
    const text = problemsOf(() =>
      readConfig({ file: path, environment: { B2_ENDPOINT: 'ftp://x' }, flags: { part_size: '1M' } }),
    );
    assert.match(text, /buckett in .*wrong\.toml is not a setting; bucket\?/);
    assert.match(text, /workers in .*: 0 is not a whole number from 1 to 256/);
    assert.match(text, /lock_mode in .*: "soft" is not one of governance, compliance/);
    assert.match(text, /--part-size: "1M" is not a size from 5 MiB/);
  });

  for (const endpoint of [
    'http://api.example.com',
    'ftp://127.0.0.1',
    'nonsense',
    'http://127.0.0.1.example.com',
  ]) {
    it(`refuses the endpoint ${endpoint}`, () => {
      assert.match(
        problemsOf(() => readConfig({ file: file('empty.toml', ''), environment: {}, flags: { endpoint } })),
        /--endpoint/,
      );
    });
  }

  it('refuses a file with a secret that others can read, and takes it when only the group can', () => {
    const text = 'application_key = "K005x"\nkey_id = "i"\n';
    assert.match(
      problemsOf(() => readConfig({ file: file('open.toml', text, 0o644), environment: {}, flags: {} })),
      /chmod 640/,
    );
    assert.equal(
      readConfig({ file: file('group.toml', text, 0o640), environment: {}, flags: {} }).key_id,
      'i',
    );
    assert.equal(
      readConfig({ file: file('plain.toml', 'bucket = "b"', 0o644), environment: {}, flags: {} }).bucket,
      'b',
    );
  });

  it('says where a TOML file is wrong, and when there is none', () => {
    assert.match(
      problemsOf(() => readConfig({ file: file('broken.toml', 'bucket = \n'), environment: {}, flags: {} })),
      /broken\.toml: line 1, column \d+: Invalid TOML document: /,
    );
    const secret = file('broken-secret.toml', 'bucket = "b"\napplication_key = "K005geheim\n');
    const problem = problemsOf(() => readConfig({ file: secret, environment: {}, flags: {} }));
    assert.match(problem, /line 2/);
    assert.doesNotMatch(problem, /geheim/);
    assert.match(
      problemsOf(() => readConfig({ file: join(directory, 'none.toml'), environment: {}, flags: {} })),
      /ENOENT/,
    );
  });

  it('an empty BACKUPPC_B2_CONFIG names no file', () => {
    const environment = { BACKUPPC_B2_CONFIG: '', B2_BUCKET: 'b' };
    assert.equal(readConfig({ environment, flags: {} }).bucket, 'b');
  });

  it('never shows a secret', async () => {
    const path = file(
      'secret.toml',
      'key_id = "i"\napplication_key = "K005geheim"\npassphrase = "correct horse"\n',
    );
    const config = readConfig({ file: path, environment: {}, flags: {} });
    for (const shown of [
      inspect(config, { depth: 5 }),
      JSON.stringify(config),
      String(config.application_key),
    ]) {
      assert.doesNotMatch(shown, /geheim|horse/);
    }
    assert.equal((await readApplicationKey(config)).key.reveal(), 'K005geheim');
    assert.equal((await readPassphrases(config))[0]?.reveal(), 'correct horse');
    const wrong = file('wrong-secret.toml', 'application_key = 17\n');
    assert.doesNotMatch(
      problemsOf(() => readConfig({ file: wrong, environment: {}, flags: {} })),
      /17/,
    );
  });

  it('reads passphrases from files and commands, and refuses an open file, an empty one and a failing command', async () => {
    const read = (flags: object) =>
      readPassphrases(readConfig({ file: file('empty.toml', ''), environment: {}, flags: { ...flags } }));
    const good = file('pass', 'one\nnot this\n');
    const both = await read({ passphrase_file: [good], passphrase_command: 'echo two; echo three' });
    assert.deepEqual(
      both.map((s) => s.reveal()),
      ['one', 'two'],
    );
    await assert.rejects(read({ passphrase_file: [file('open-pass', 'x', 0o644)] }), /is open to others/);
    await assert.rejects(read({ passphrase_file: [file('empty-pass', '\n')] }), /empty first line/);
    await assert.rejects(
      read({ passphrase_command: 'echo geheim; exit 3' }),
      (error) => error instanceof Failure && /status 3/.test(error.message) && !/geheim/.test(inspect(error)),
    );
  });
});

describe('values', () => {
  const sizes: [string | number, number | undefined][] = [
    ['500', 500],
    [7, 7],
    ['64K', 65536],
    ['64KiB', 65536],
    ['64KB', 64000],
    ['1.5M', 1572864],
    ['0', 0],
    ['', undefined],
    ['-1', undefined],
    ['1X', undefined],
    ['1e3', undefined],
    ['M', undefined],
    ['99999999999T', undefined],
  ];
  for (const [text, expected] of sizes)
    it(`size ${JSON.stringify(text)} = ${String(expected)}`, () => {
      assert.equal(parseBytes(text), expected);
    });

  it('formats sizes', () => {
    assert.deepEqual([0, 1023, 1024, 1536, 5 * 1024 ** 2, 12.34 * 1024 ** 3].map(formatBytes), [
      '0 B',
      '1023 B',
      '1 KiB',
      '1.50 KiB',
      '5 MiB',
      '12.3 GiB',
    ]);
  });

  const durations: [string, number | undefined][] = [
    ['90', 90_000],
    ['19h30m', 70_200_000],
    ['2d', 172_800_000],
    ['0', undefined],
    ['h', undefined],
    ['1w', undefined],
  ];
  for (const [text, expected] of durations) {
    it(`duration ${text}`, () => {
      const parsed = duration().parse(text);
      assert.equal(parsed.ok ? parsed.value : undefined, expected);
    });
  }
});
