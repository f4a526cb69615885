import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReuseReport } from '../../src/archive/reuse-report.js';

describe('what the log says of volumes that were sent instead of copied', () => {
  it('is a line for each reason, with the details of the first volume', () => {
    const report = new ReuseReport();
    report.sentInstead({ reason: "B2's copy differs", detail: '9 bytes instead of 8' });
    for (const file of ['a', 'b', 'c'])
      report.sentInstead({ reason: 'the earlier volume is gone', detail: `404 ${file} is not present` });
    assert.deepEqual(report.problems, [
      '3 volumes were sent instead of copied: the earlier volume is gone (the first: 404 a is not present)',
      "1 volume was sent instead of copied: B2's copy differs (9 bytes instead of 8)",
    ]);
    assert.deepEqual(report.notices, []);
  });

  it('is nothing where all were copied', () => {
    assert.deepEqual(new ReuseReport().problems, []);
  });
});
