// Arguments are octets: what comes in goes out, whatever it is.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { argumentText, commandOf, lastArguments, type Argument } from '../../src/backuppc/octets.js';

/** As a command line holds them: no zero octet. */
const argument = fc
  .oneof(fc.string(), fc.string({ unit: 'binary' }), fc.uint8Array({ max: 255, min: 1 }))
  .map((value): Argument => (typeof value === 'string' ? value.replaceAll('\0', '') : value));

const octets = (value: Argument): Buffer => Buffer.from(value);

test('the last arguments of a command line', () => {
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 5 }), (args) => {
      const line = Buffer.concat([
        Buffer.from('node\0--flag\0'),
        ...args.flatMap((a) => [octets(a), Buffer.of(0)]),
      ]);
      const got = lastArguments(line, args.length);
      assert.deepEqual(got.map(octets), args.map(octets));
    }),
  );
  assert.deepEqual(lastArguments(new Uint8Array(), 3), []);
});

test('a program gets exactly these octets, in this order', () => {
  const args: Argument[] = [
    'plain',
    '',
    Buffer.from('caf\xe9', 'latin1'),
    'a\\b "c" $(d) %s `e`\n\n',
    Buffer.from([0xff, 0x0a]),
    '-n',
    '\u00e9.',
  ];
  const [program, words] = commandOf(process.execPath, [
    '-e',
    "process.stdout.write(require('fs').readFileSync('/proc/self/cmdline'))",
    '--',
    ...args,
  ]);
  const { stdout, status } = spawnSync(program, words);
  assert.equal(status, 0);
  assert.deepEqual(lastArguments(stdout, args.length).map(octets), args.map(octets));
});

test('text alone needs no shell', () => {
  assert.deepEqual(commandOf('tar', ['-c', '$x']), ['tar', ['-c', '$x']]);
});

test('for people: different octets read differently', () => {
  assert.equal(argumentText(Buffer.from('caf\xe9\\', 'latin1')), 'caf\\xE9\\\\');
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      assert.equal(argumentText(a) === argumentText(b), Buffer.compare(a, b) === 0);
    }),
  );
});
