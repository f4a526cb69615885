import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse as parseToml } from 'smol-toml';
import { editSection, handSet, setByHand } from '../../src/config/section.js';

/** As a plain object. */
const parse = (text: string): Record<string, unknown> => ({ ...parseToml(text) });

const values = { workers: 2, memory: '88M', compress: 'zstd:3' } as const;
const edit = { values, title: '2026-11-23, 2 × CPU', byHand: 'keep' } as const;

const THEIRS = `# Our backup server
bucket = "backups"   # the one in Amsterdam
passphrase_file = """/etc/pass"""

recipient = [
  "/etc/a.asc",
]
`;

describe('section of the configuration file', () => {
  it('into an empty file', () => {
    const text = editSection('', edit);
    assert.match(text, /^# >>> backuppc-b2 bench [0-9a-f]{8} 2026-11-23, 2 × CPU\n/);
    assert.deepEqual(parse(text), { ...values });
  });

  it('beside what people wrote, which stays as it is', () => {
    const text = editSection(THEIRS, edit);
    assert.ok(text.startsWith(THEIRS));
    assert.deepEqual(parse(text), { ...parse(THEIRS), ...values });
  });

  it('again: replaces its own section, in its place, and only that', () => {
    const once = `${editSection(THEIRS, edit)}\n# at the end\nquiet = true\n`;
    const twice = editSection(once, { ...edit, values: { workers: 4, connections: 8 } });
    assert.deepEqual(parse(twice), { ...parse(THEIRS), quiet: true, workers: 4, connections: 8 });
    assert.ok(twice.indexOf('workers = 4') < twice.indexOf('# at the end'));
    assert.equal(editSection(twice, { ...edit, values: { workers: 4, connections: 8 } }), twice);
    assert.deepEqual([...setByHand(twice)].sort(), ['bucket', 'passphrase_file', 'quiet', 'recipient']);
  });

  const byHand: [name: string, text: string, theirs: string[]][] = [
    ['another value', 'workers = 1\n', ['workers']],
    ['the same value', 'workers = 2\n', []],
    ['the same size in other words', 'memory = "90112K"\n', []],
    ['a quoted key', '"workers" = 3\n', ['workers']],
    ['two of them', 'workers = 1\nmemory = "64M" # it is a small machine\n', ['workers', 'memory']],
    [
      'a section that somebody changed',
      editSection('', edit).replace('workers = 2', 'workers = 1'),
      ['workers'],
    ],
    [
      'a section without its end',
      editSection('', edit)
        .replace(/# <<<.*\n/, '')
        .replace('= 2', '= 1'),
      ['workers'],
    ],
  ];
  for (const [name, text, theirs] of byHand) {
    it(`set by hand: ${name}`, () => {
      assert.deepEqual(
        handSet(text, values).map((one) => one.name),
        theirs,
      );
      const kept = parse(editSection(text, edit));
      assert.deepEqual(kept, { ...values, ...parse(text) });
      const replaced = editSection(text, { ...edit, byHand: 'replace' });
      const agreed = parse(replaced);
      for (const one of theirs) assert.equal(agreed[one], values[one as keyof typeof values]);
      for (const line of text.split('\n').filter((one) => one.startsWith('#'))) {
        if (!line.startsWith('# >>>')) assert.ok(replaced.includes(line), line);
      }
    });
  }

  it('a section that somebody changed stays theirs, beside one of ours that is replaced', () => {
    const changed = editSection('', edit).replace('workers = 2', 'workers = 1');
    const once = editSection(changed, { ...edit, values: { ...values, connections: 4 } });
    const twice = editSection(once, { ...edit, values: { ...values, connections: 8 } });
    assert.deepEqual(parse(twice), { ...values, workers: 1, connections: 8 });
  });

  it('what is replaced can still be read', () => {
    const text = editSection('bucket = "b"\nworkers = 1 # slow disk\n', { ...edit, byHand: 'replace' });
    assert.match(text, /^# replaced by bench: workers = 1 # slow disk$/m);
  });

  it('a line inside a string is not a setting, and nothing wrong is written', () => {
    const text = `on_success = """\nworkers = 1\n"""\nworkers = 1\n`;
    assert.throws(() => editSection(text, { ...edit, byHand: 'replace' }), { kind: 'config' });
  });

  it('what is not TOML is not edited', () => {
    assert.throws(() => editSection('workers = \n', edit), { kind: 'config' });
  });

  it('a file without a newline at its end', () => {
    assert.deepEqual(parse(editSection('bucket = "b"', edit)), { bucket: 'b', ...values });
  });
});
