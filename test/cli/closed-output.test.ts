import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { ClosedOutput } from '../../src/cli/closed-output.js';

const MANAGER = fileURLToPath(new URL('../../src/manager.js', import.meta.url));

function exitOn(code: string, command: string | undefined): number | undefined {
  const stream = new PassThrough();
  let status: number | undefined;
  const output = new ClosedOutput([stream], (given) => {
    status ??= given;
  });
  if (command !== undefined) output.begin(command);
  stream.emit('error', Object.assign(new Error(code), { code }));
  return status;
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
    assert.equal(exitOn('EPIPE', command), status, command);
  assert.equal(exitOn('ENOSPC', 'list'), 9);
});

test('a pipe that nobody reads: no stack, nothing on standard error', () => {
  for (const words of ['--help', 'man', 'configuration', 'completion bash', 'delete --help']) {
    const { stdout, stderr } = spawnSync(
      'bash',
      ['-c', `exec 3>&1; { '${process.execPath}' '${MANAGER}' ${words}; echo "status $?" >&3; } | true`],
      { encoding: 'utf8' },
    );
    assert.equal(stderr, '', words);
    assert.equal(stdout, 'status 0\n', words);
  }
});
