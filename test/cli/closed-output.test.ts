import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { ClosedOutput } from '../../src/cli/closed-output.js';
import { NODE_ENVIRONMENT, programPath } from '../support/programs.js';

const PROGRAM = programPath('backuppc-b2');

function outcomeOf(
  code: string,
  command: string | undefined,
): { status: number | undefined; said: string[] } {
  const stream = new PassThrough();
  let status: number | undefined;
  const said: string[] = [];
  const output = new ClosedOutput(
    [stream, stream],
    (given) => {
      status ??= given;
    },
    (line) => said.push(line),
  );
  if (command !== undefined) output.begin(command);
  for (let time = 0; time < 2; time++) stream.emit('error', Object.assign(new Error(code), { code }));
  return { status, said };
}

test('readers end quietly, an answer in the status is interrupted, what changes something goes on', () => {
  for (const [command, status] of [
    [undefined, 0],
    ['list', 0],
    ['man', 0],
    ['script', 0],
    ['verify', 12],
    ['delete', undefined],
    ['cleanup', undefined],
    ['setup', undefined],
    ['archive', undefined],
  ] as const)
    assert.deepEqual(outcomeOf('EPIPE', command), { status, said: [] }, command);
});

test('no output from the beginning: nothing of the answer can have been read', () => {
  for (const [command, status] of [
    ['list', 12],
    ['script', 12],
    ['verify', 12],
    ['delete', undefined],
    ['restore', undefined],
  ] as const)
    assert.deepEqual(outcomeOf('EBADF', command), { status, said: [] }, command);
});

test('a full disk under our output: said once; readers fail, what changes something goes on', () => {
  const said = ['backuppc-b2: cannot write standard output: no space left there'];
  for (const command of [undefined, 'list', 'verify', 'script'])
    assert.deepEqual(outcomeOf('ENOSPC', command), { status: 9, said });
  assert.deepEqual(outcomeOf('ENOSPC', 'delete'), { status: undefined, said });
  // These two see it for themselves.
  for (const command of ['restore', 'archive'])
    assert.deepEqual(outcomeOf('ENOSPC', command), { status: undefined, said: [] });
});

test('a pipe that nobody reads: no stack, nothing on standard error', () => {
  for (const words of ['--help', 'man', 'configuration', 'completion bash', 'delete --help']) {
    const { stdout, stderr } = spawnSync(
      'bash',
      ['-c', `exec 3>&1; { '${PROGRAM}' ${words}; echo "status $?" >&3; } | true`],
      { encoding: 'utf8', env: { ...process.env, ...NODE_ENVIRONMENT } },
    );
    assert.equal(stderr, '', words);
    assert.equal(stdout, 'status 0\n', words);
  }
});

test('standard output that is closed or full: a quiet 12, or why', () => {
  for (const words of ['man', 'configuration', 'completion bash']) {
    const { status, stderr } = spawnSync('sh', ['-c', `'${PROGRAM}' ${words} >&-`], {
      encoding: 'utf8',
      env: { ...process.env, ...NODE_ENVIRONMENT },
    });
    assert.deepEqual({ status, stderr }, { status: 12, stderr: '' }, words);
    const full = spawnSync('sh', ['-c', `'${PROGRAM}' ${words} >/dev/full`], {
      encoding: 'utf8',
      env: { ...process.env, ...NODE_ENVIRONMENT },
    });
    assert.equal(full.status, 9, words);
    assert.match(full.stderr, /cannot write standard output: no space left there\n$/);
  }
});
