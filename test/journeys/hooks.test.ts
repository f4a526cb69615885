/** What hooks are told: before an archive, after it, and of one that could not begin. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Journey } from './harness.js';

describe('hooks', { concurrency: 2 }, () => {
  let journey: Journey;
  before(async () => {
    journey = await Journey.begin();
  });
  after(() => journey.end());

  const into = (name: string): string => `cat >'${join(journey.directory, name)}'`;
  const told = (name: string): Record<string, unknown> =>
    JSON.parse(readFileSync(join(journey.directory, name), 'utf8')) as Record<string, unknown>;

  it('on_start before the source is read, on_success at the end', async () => {
    const start = join(journey.directory, 'start');
    const tarCreate = journey.tarCreate(
      `test -s '${start}' || exit 1; tar -C / --no-recursion -cf - etc && echo 'Done: 1 files, 1 bytes, 0 dirs, 0 specials, 0 errors' >&2`,
    );
    const hooks = ['--on-start', into('start'), '--on-success', into('success')];
    const { status, output } = await journey.archiveHost([
      ...hooks,
      ...journey.positionals(tarCreate, { host: 'hooked' }),
    ]).ended;
    assert.equal(status, 0, output);
    const { host, number, state } = told('start');
    assert.deepEqual({ host, number, state }, { host: 'hooked', number: 12, state: 'started' });
    assert.equal(told('success')['state'], 'finished');
  });

  it('an on_start that fails is reported, and changes nothing', async () => {
    const { status, output } = await journey.archiveHost([
      ...['--on-start', 'exit 3', '--on-failure', into('none')],
      ...journey.positionals(journey.tarOf('/etc/apt'), { host: 'failing-hook' }),
    ]).ended;
    assert.equal(status, 0, output);
    assert.match(output, /hook ended with status 3/);
    assert.ok(!existsSync(join(journey.directory, 'none')));
  });

  it('on_failure for an unusable configuration, and for unusable arguments', async () => {
    const file = journey.write('broken.toml', `on_failure = "${into('config')}"\nworkers = "many"\n`);
    const words = journey.positionals(journey.tarOf('/etc/apt'));
    const config = await journey.archiveHost(['--config', file, ...words]).ended;
    assert.equal(config.status, 3, config.output);
    assert.match(config.lastLine, /workers/);
    assert.equal(told('config')['exitStatus'], 3);

    const unreadable = journey.write('no.toml', 'bucket = \n');
    const flag = ['--config', unreadable, '--on-failure', into('flag')];
    assert.equal((await journey.archiveHost([...flag, ...words]).ended).status, 3);
    assert.match(String(told('flag')['reasons']), /no\.toml: line 1/);
    assert.deepEqual([told('flag')['host'], told('flag')['number']], ['web.example', 12]);

    const torn = journey.write('torn.toml', `bucket = \non_failure = "${into('torn')}"\nkey_id\n`);
    assert.equal((await journey.archiveHost(['--config', torn, ...words]).ended).status, 3);
    assert.match(String(told('torn')['reasons']), /torn\.toml: line 1/);

    const misspelt = ['--config', file, '--wrokers', '2'];
    assert.equal((await journey.archiveHost([...misspelt, ...words]).ended).status, 2);
    assert.match(String(told('config')['reasons']), /unknown option '--wrokers'/);

    const short = await journey.archiveHost(['--on-failure', into('arguments'), 'too', 'few']).ended;
    assert.equal(short.status, 2, short.output);
    assert.match(String(told('arguments')['reasons']), /expected 11 arguments/);
  });

  it('on_failure of plain archive, too', async () => {
    const file = journey.write('plain.toml', `on_failure = "${into('plain')}"\nbuket = "x"\n`);
    const words = ['archive', '--config', file, '--host', 'db', '--number', '3', '--', 'true'];
    const { status, output } = await journey.start('backuppc-b2', words).ended;
    assert.equal(status, 3, output);
    const { host, number, state, exitStatus } = told('plain');
    assert.deepEqual(
      { host, number, state, exitStatus },
      { host: 'db', number: 3, state: 'failed', exitStatus: 3 },
    );
  });
});
