/**
 * What leaves through the line under a limit, every 100 ms, beside rclone on the same link.
 *
 *     npm run bench -- bandwidth [--save]      all scenes, about ten minutes
 *     npm run bench -- bandwidth --quick       shorter scenes, no timetable
 *     npm run bench -- bandwidth --only auto   scenes whose name contains a word
 *
 * --save keeps tables, traces and pictures in bench/results; of `--only` the pictures alone. Needs root: our machine, another one, the modem and
 * B2 are network namespaces, the narrow link is the kernel's `tbf`.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { linkProblem } from '../../test/link/link.js';
import { needPrograms, RCLONE } from '../../test/support/debian.js';
import { publish } from '../report.js';
import { auto } from './bandwidth-auto.js';
import { traceChart } from './bandwidth-chart.js';
import { changes, fixedLimits, timetable } from './bandwidth-limits.js';
import type { Shot } from './bandwidth-trace.js';

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      save: { type: 'boolean', default: false },
    },
  });
  const problem = linkProblem() ?? (needPrograms([RCLONE]) || undefined);
  if (problem !== undefined) throw new Error(`nothing to measure on or with: ${problem}`);
  const { quick, only, save } = values;
  const scenes: readonly (readonly [string, () => Promise<Shot>])[] = [
    ['fixed', () => fixedLimits(quick)],
    ['change', () => changes(quick)],
    ...(quick ? [] : [['timetable', timetable] as const]),
    ['auto', () => auto(quick)],
  ];
  const shots: Shot[] = [];
  for (const [name, scene] of scenes) {
    if (!name.includes(only)) continue;
    console.error(name);
    shots.push(await scene());
  }
  const report = {
    topic: 'bandwidth',
    command: `npm run bench -- bandwidth ${args.join(' ')}`.trim(),
    notes: [
      'Limits: shares are of the limit, of bytes handed to TCP by our machine, TLS and all requests included, sampled in the kernel every 20 ms. rclone sends a file of zeros in one request.',
      'The link of `auto`: 8 Mbit/s up with one second of buffer, 50 Mbit/s down; the rival is another machine behind the same modem; CUBIC everywhere. Delays are that machine’s TCP handshakes with the far side. Traces: `bandwidth-traces.json`, bytes in each 100 ms.',
    ],
    tables: shots.flatMap((shot) => shot.tables),
  };
  publish(report, save && only === '');
  if (!save) return;
  for (const shot of shots)
    writeFileSync(`bench/results/bandwidth-${shot.name}.svg`, traceChart(shot.title, shot.panels));
  if (only !== '') return;
  const traces = shots
    .flatMap((shot) => Object.entries(shot.traces))
    .map(([name, trace]) => `${JSON.stringify(name)}: ${JSON.stringify(trace)}`);
  writeFileSync('bench/results/bandwidth-traces.json', `{\n${traces.join(',\n')}\n}\n`);
}
