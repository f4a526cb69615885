import { test } from 'node:test';
import type { Command } from 'commander';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { EXIT_STATUS, type FailureKind } from '../../src/errors.js';
import { completionScript } from '../../src/cli/reference/completion.js';
import { runTree } from '../../src/cli/main.js';
import { misspeltOption } from '../../src/cli/misspelt-option.js';
import { EXIT_MEANING, manPage } from '../../src/cli/reference/man.js';
import { companionProgram, registerCompanion } from '../../src/cli/program.js';
import { targetOf } from '../../src/cli/restore-target.js';
import { wiring, type CompanionContext } from '../../src/cli/wiring.js';
import type { Config } from '../../src/config/schema.js';
import { addArchive } from './memory-store.js';
import { recordedOutput, testContext, type TestContext } from './context.js';

interface Run {
  readonly status: number;
  readonly context: TestContext;
  readonly config: Config | undefined;
  readonly said: string;
}

function run(...words: string[]): Promise<Run> {
  return runOn(testContext(), ...words);
}

async function runOn(context: TestContext, ...words: string[]): Promise<Run> {
  addArchive(context.store, { host: 'web', number: 1, ageDays: 90 });
  addArchive(context.store, { host: 'web', number: 2, ageDays: 60 });
  let status = 0;
  let seen: Config | undefined;
  let said = '';
  const unused = (): never => {
    throw new Error('not asked for');
  };
  const program = companionProgram('1.2.3');
  const open = (config: Config): Promise<CompanionContext> => {
    seen = config;
    return Promise.resolve({
      ...context,
      config,
      signal: new AbortController().signal,
      ranges: { parallel: 1, rangeBytes: 1000 },
      history: () => Promise.resolve([]),
      archiveReader: unused,
      dataReader: unused,
      doctorChecks: () => Promise.resolve([]),
      close: () => Promise.resolve(),
    });
  };
  const keep = (text: string): void => {
    said += text;
  };
  registerCompanion(
    program,
    wiring(open, (value) => (status = value)),
    context.out,
  );
  for (const command of [program, ...program.commands])
    command.configureOutput({ writeOut: keep, writeErr: keep });
  const result = await runTree(program, ['--config', '/dev/null', ...words], context.out, () => status);
  return { status: result, context, config: seen, said };
}

test('nothing is list; settings stand before or behind the command', async () => {
  for (const words of [
    [],
    ['list'],
    ['--prefix', '', 'list'],
    ['list', '--prefix', ''],
    ['-v'],
    ['list', '-v'],
  ]) {
    const { status, context } = await run(...words);
    assert.equal(status, 0, words.join(' '));
    assert.match(context.out.text, /^web +1 +finished/m);
  }
  assert.equal((await run('list', '--bucket', 'b', '-v')).config?.bucket, 'b');
});

test('delete takes its rules from its flags', async () => {
  const { status, context } = await run('delete', '--age', '30', '--yes');
  assert.equal(status, 0);
  assert.deepEqual(
    [...new Set(context.store.versions.map(({ fileName }) => fileName.slice(0, 5)))],
    ['web.2'],
  );
  const dry = await run('delete', '--age', '30', '--keep', '0', '--test');
  assert.match(dry.context.out.text, /2 archives would be deleted/);
  assert.deepEqual(dry.context.store.deleted, []);
});

test('mistakes end with status 2 and a reason', async () => {
  for (const [words, reason] of [
    [['frobnicate'], /no such command: frobnicate/],
    [['delete', '--age', 'ten'], /not a number/],
    [['delete'], /nothing selected/],
    [['delete', '--age', '30'], /nobody to ask/],
    [['script'], /--host <HOST>' not specified/],
    [['script', '--host', 'web', '--expire', '700000'], /B2 allows 1 to 604800 seconds/],
    [['restore', '--host', 'web'], /no target/],
    [['restore', '--host', 'web', '--to-stdout'], /--to-stdout needs a PATH/],
    [['verify', '--deep', '--sample', '3'], /--deep includes --sample/],
    [['list', '--nonsense'], /unknown option '--nonsense'/],
    [['list', '--jsn'], /did you mean --json\?/],
    [['lsit', '--age', '30'], /did you mean list\?.*\n.*no such command: lsit/],
  ] as const) {
    const { status, context, said } = await run(...words);
    assert.equal(status, EXIT_STATUS.usage, words.join(' '));
    assert.match(`${said}${context.out.notes.join('\n')}`, reason);
  }
});

test('--help and --version are not failures', async () => {
  assert.equal((await run('--version')).said, '1.2.3\n');
  for (const words of [['--help'], ['delete', '--help'], ['help', 'script']])
    assert.equal((await run(...words)).status, 0);
});

test('help: commands, examples, options, then those of every command', async () => {
  const titles = (text: string): string[] => text.match(/^[A-Z][a-z ]+:$/gm) ?? [];
  const { said } = await run('--help');
  assert.deepEqual(titles(said), ['Commands:', 'Examples:', 'Options:']);
  const sub = (await run('bench', '--help')).said;
  assert.deepEqual(titles(sub), ['Examples:', 'Options:', 'Options of every command:']);
  assert.match(sub, /--config <FILE>/);
});

test('what is not there has its own status', async () => {
  assert.equal((await run('script', '--host', 'nobody')).status, EXIT_STATUS.notFound);
});

test('restore: exactly one target', () => {
  const host = 'web';
  assert.deepEqual(targetOf(['-'], { host }), { kind: 'stdout' });
  assert.deepEqual(targetOf([], { host, output: '-' }), { kind: 'stdout' });
  const inD = { kind: 'directory', path: 'd', paths: ['a'] };
  assert.deepEqual(targetOf([], { host, directory: 'd', extract: ['a'] }), inD);
  assert.deepEqual(targetOf(['a'], { host, directory: 'd' }), inD);
  assert.deepEqual(targetOf(['a', 'b'], { host }), { kind: 'directory', path: 'web', paths: ['a', 'b'] });
  assert.deepEqual(targetOf(['a'], { host, toStdout: true }), { kind: 'contents', paths: ['a'] });
  assert.throws(() => targetOf([], { host }), { kind: 'usage' });
  assert.throws(() => targetOf([], { host, toStdout: true }), { kind: 'usage' });
  assert.throws(() => targetOf(['-'], { host, directory: 'd' }), { kind: 'usage' });
  assert.throws(() => targetOf(['-', 'a'], { host }), { kind: 'usage' });
  assert.throws(() => targetOf([], { host, output: 'f', extract: ['a'] }), { kind: 'usage' });
});

/** All commands, none of which may be run. */
function wholeTree(): Command {
  const program = companionProgram('1.2.3');
  const refuse = (): Promise<never> => Promise.reject(new Error('not asked for'));
  registerCompanion(
    program,
    wiring(refuse, () => undefined),
    recordedOutput(),
  );
  return program;
}

test('man page and completions cover the whole tree, and their languages accept them', () => {
  const program = wholeTree();
  const man = manPage(program);
  for (const section of ['COMMANDS', 'OPTIONS', 'EXAMPLES', 'ENVIRONMENT', 'FILES', 'EXIT STATUS'])
    assert.match(man, new RegExp(`^\\.SH ${section}$`, 'm'));
  const bash = completionScript(program, 'bash');
  const zsh = completionScript(program, 'zsh');
  const fish = completionScript(program, 'fish');
  for (const command of program.commands) {
    for (const text of [man, bash, zsh, fish]) assert.ok(text.includes(command.name()), command.name());
    for (const { long } of command.options) {
      assert.ok(bash.includes(long ?? ''), long);
      assert.ok(fish.includes(` -l ${long?.slice(2) ?? ''} `), long);
    }
  }
  for (const status of Object.values(EXIT_STATUS)) assert.match(man, new RegExp(`^\\.B ${status}$`, 'm'));
  assert.throws(() => completionScript(program, 'tcsh'), { kind: 'usage' });
  const complete = (line: string[], index: number): string[] =>
    execFileSync(
      'bash',
      [
        '-c',
        `${bash}\nbackuppc-b2() { [ "$*" = 'completion hosts' ] && printf 'web\\nwiki\\ndb\\n'; }\nCOMP_WORDS=(${line.map((word) => `'${word}'`).join(' ')}) COMP_CWORD=${index}; _backuppc_b2; printf '%s\\n' "\${COMPREPLY[@]}"`,
      ],
      { encoding: 'utf8' },
    )
      .split('\n')
      .filter(Boolean);
  assert.deepEqual(complete(['backuppc-b2', 'cl'], 1), ['cleanup']);
  assert.deepEqual(complete(['backuppc-b2', 'delete', '--keep-d'], 2), ['--keep-daily']);
  assert.deepEqual(complete(['backuppc-b2', 'restore', '--host', 'w'], 3), ['web', 'wiki']);
  assert.deepEqual(complete(['backuppc-b2', 'setup', '--openpgp-profile', 'rfc'], 3), ['rfc4880', 'rfc9580']);
  assert.deepEqual(complete(['backuppc-b2', 'setup', '--compress', 'z'], 3), ['zstd']);
  if (spawnSync('man', ['--version']).status === 0) {
    const rendered = spawnSync('man', ['--warnings', '-l', '-'], {
      input: man,
      encoding: 'utf8',
      env: { ...process.env, MANWIDTH: '100' },
    });
    assert.equal(rendered.stderr, '');
  }
  if (spawnSync('fish', ['--version']).status === 0) {
    const dry = spawnSync('sh', ['-c', 'cat | fish --no-execute'], { input: fish, encoding: 'utf8' });
    assert.equal(dry.stderr, '');
    assert.match(fish, /-l openpgp-profile -x -a 'librepgp rfc4880 rfc9580'/);
  }
  if (spawnSync('zsh', ['--version']).status === 0)
    assert.equal(spawnSync('zsh', ['-n'], { input: zsh }).status, 0);
});

test("the table of exit statuses in docs/commands.md is the program's own", () => {
  const text = readFileSync(new URL('../../../docs/commands.md', import.meta.url), 'utf8');
  for (const [kind, status] of Object.entries(EXIT_STATUS)) {
    assert.ok(text.includes(`| ${status} | ${EXIT_MEANING[kind as FailureKind | 'ok']} |`), kind);
  }
});

test('a misspelt option is told before one that is missing, for every command', () => {
  const program = wholeTree();
  for (const [words, said] of [
    [['restore', '--hots', 'web'], /^error: unknown option '--hots'\n\(Did you mean --host\?\)\n$/],
    [['script', '--nubmer=3'], /--number/],
    [['files', '--bukcet', 'x', 'web'], /--bucket/],
    [['script', '--wholly-other'], /^error: unknown option '--wholly-other'\n$/],
  ] as const)
    assert.match(misspeltOption(program, words) ?? '', said);
  for (const words of [
    ['restore', '-C', '--hots'],
    ['restore', '--', '--hots'],
    ['restore', '--passphrase-file=x', '-o', '-'],
    ['list', '--json', '-q'],
    ['nothing'],
  ])
    assert.equal(misspeltOption(program, words), undefined, words.join(' '));
});

test('cleanup --dry-run removes nothing, whoever says --yes beside it', async () => {
  for (const [words, removed] of [
    [['--dry-run', '--yes'], 0],
    [['--dry-run'], 0],
    [['--yes'], 2],
  ] as const) {
    const context = testContext();
    addArchive(context.store, { host: 'left', number: 1, ageDays: 30, state: 'none' });
    const { status } = await runOn(context, 'cleanup', ...words);
    assert.equal(status, 0, context.out.text);
    assert.equal(context.store.deleted.length, removed, words.join(' '));
    assert.match(context.out.text, /^left +1 /m);
  }
});
