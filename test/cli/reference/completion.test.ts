/** The completions as the shells themselves run them, as far as they are installed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { NODE_ENVIRONMENT, programPath } from '../../support/programs.js';
import { skipWithout } from '../../support/debian.js';

/** What may follow these words; the last one is being typed. */
const CASES: readonly (readonly [line: readonly string[], offered: readonly string[]])[] = [
  [
    ['completion', ''],
    ['bash', 'fish', 'zsh'],
  ],
  [
    ['restore', '--host', ''],
    ['db', 'web'],
  ],
  [
    ['restore', '--host', 'web', '--number', ''],
    ['12', '3'],
  ],
  [['restore', '--number', ''], []],
  [['archive', '--compress', 'z'], ['zstd']],
  [
    ['archive', '--openpgp-profile', ''],
    ['librepgp', 'rfc4880', 'rfc9580'],
  ],
  [['re'], ['report', 'restore']],
];

describe('completion', () => {
  const directory = mkdtempSync(join(tmpdir(), 'bb2-completion-'));
  const env = {
    ...process.env,
    ...NODE_ENVIRONMENT,
    PATH: `${directory}:${process.env['PATH'] ?? ''}`,
    BACKUPPC_B2_CONFIG: join(directory, 'config.toml'),
    HOME: directory,
  };
  const run = (...[program, ...words]: readonly [string, ...string[]]): string => {
    const { status, stdout, stderr } = spawnSync(program, words, { env, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return stdout;
  };

  before(() => {
    symlinkSync(programPath('backuppc-b2'), join(directory, 'backuppc-b2'));
    mkdirSync(join(directory, 'state'));
    const settings = `state_dir = "${join(directory, 'state')}"\nbackuppc_data = "/nowhere"\n`;
    writeFileSync(join(directory, 'config.toml'), settings, { mode: 0o600 });
    const record = {
      type: 'archive',
      state: 'finished',
      finishedAt: '2026-01-01T00:00:00.000Z',
      reasons: [],
    };
    const figures = { seconds: 1, sentBytes: 1, tarBytes: 1 };
    const lines = [
      ['web', 12],
      ['web', 3],
      ['db', 7],
    ].map(([host, number]) => JSON.stringify({ ...record, ...figures, host, number }));
    writeFileSync(join(directory, 'state', 'backuppc-b2-history.jsonl'), `${lines.join('\n')}\n`, {
      mode: 0o600,
    });
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });

  it('bash', () => {
    const script = `source <(backuppc-b2 completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _backuppc_b2; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const offered = (...words: string[]): string[] =>
      run('bash', '-c', script, 'bash', 'backuppc-b2', ...words)
        .split('\n')
        .filter(Boolean)
        .sort();
    for (const [words, expected] of CASES) assert.deepEqual(offered(...words), expected, words.join(' '));
    // As bash splits --host=web.
    assert.deepEqual(offered('restore', '--host', '=', 'web', '--number', '='), ['12', '3']);
    assert.ok(offered('completion', '-').includes('--config'));
  });

  it('fish', { skip: skipWithout('fish') }, () => {
    for (const [words, expected] of CASES) {
      const line = ['backuppc-b2', ...words].join(' ');
      const out = run('fish', '-c', `backuppc-b2 completion fish | source; complete -C '${line}'`);
      const offered = out.split('\n').flatMap((one) => one.split('\t')[0] ?? []);
      assert.deepEqual(offered.filter(Boolean).sort(), expected, line);
    }
  });

  it('zsh: it can be read, and has nothing for which _arguments completes nothing at all', () => {
    const script = run('backuppc-b2', 'completion', 'zsh');
    if (skipWithout('zsh') === false)
      assert.equal(spawnSync('zsh', ['-n'], { env, input: script }).stderr.toString(), '');
    const ofCommands = script.split(/(?=_arguments )/).slice(1, -1);
    assert.ok(ofCommands.length > 10);
    for (const one of ofCommands) {
      // The command is a word too, and no option may be defined twice.
      assert.match(one, /^_arguments '1: :' /);
      const flags = [...one.matchAll(/^ +'(-[^=[]+)/gm)].map(([, flag]) => flag);
      assert.deepEqual(flags, [...new Set(flags)]);
    }
    assert.match(script, /'2:word:\(bash zsh fish\)'/);
    assert.match(script, /'--number=\[.*:_backuppc_b2_numbers'/);
  });
});
