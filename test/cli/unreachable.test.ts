/** A companion command whose endpoint is down: it says so, and a signal ends it at once. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startB2Server } from '../support/b2-server/server.js';
import { NODE_ENVIRONMENT, programPath } from '../support/programs.js';

describe('list, with the endpoint down', { concurrency: true }, () => {
  let directory: string;
  let config: string;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'unreachable-'));
    config = join(directory, 'config.toml');
    const gone = await startB2Server();
    await gone.close();
    writeFileSync(config, `endpoint = "${gone.url}"\nbucket = "some-bucket"\nstate_dir = "${directory}"\n`);
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`says that it tries again, and ends at ${signal}`, async () => {
      const child = spawn(programPath('backuppc-b2'), ['list'], {
        env: {
          ...process.env,
          ...NODE_ENVIRONMENT,
          BACKUPPC_B2_CONFIG: config,
          B2_APPLICATION_KEY_ID: 'id',
          B2_APPLICATION_KEY: 'key',
        },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let said = '';
      let stopped = false;
      // It would go on for a minute.
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (!stopped && /ECONNREFUSED.*retrying in/.test(said)) stopped = child.kill(signal);
      });
      const status = await new Promise((resolve) => child.once('close', resolve));
      assert.equal(status, 12, said);
      assert.match(said, new RegExp(`stopped by ${signal}`));
    });
  }
});
