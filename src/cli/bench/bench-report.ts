/** What `bench` found, for people. Pure. */
import { formatDuration } from '../../reporting/progress.js';
import type { Choice, Way } from '../../tuning/choice.js';
import type {
  CompressionCase,
  Uplink,
  Measured,
  Outcome,
  Reading,
  SealingCase,
} from '../../tuning/figures.js';
import { estimate, type Bottleneck } from '../../tuning/limits.js';
import { linesOf } from './bench-write.js';
import { formatBytes, table, type Column } from '../format.js';

export interface LeftOut {
  readonly what: string;
  readonly reason: string;
}

export interface BenchReport {
  readonly machine: string;
  /** CPU use of other programs when measuring began, per CPU. */
  readonly load: number;
  readonly sample: { readonly description: string; readonly bytes: number };
  readonly secondsPerCase: number;
  readonly reading: Reading | undefined;
  readonly sealing: readonly Measured<SealingCase>[];
  readonly compression: readonly Measured<CompressionCase>[];
  readonly leftOut: readonly LeftOut[];
  readonly line: Uplink | undefined;
  /** Sealed bytes per second that estimates assume. */
  readonly lineRate: number | undefined;
  readonly ways: readonly Way[];
  readonly choice: Choice | undefined;
  /** The choice, all together. */
  readonly whole: Outcome | undefined;
  readonly archiveBytes: number;
  readonly pricePerTerabyte: number;
}

const BUSY = 0.25;

const right = (title: string): Column => [title, 'right'];
const left = (title: string): Column => [title, 'left'];

export function textReport(report: BenchReport): string {
  const { sample, reading, line, leftOut } = report;
  const busy =
    report.load < BUSY
      ? ''
      : `Others were using ${percent(report.load)} of the CPUs: the figures are too low.\n`;
  const blocks = [
    busy,
    `${report.machine}\nSample: ${sample.description}, ${formatBytes(sample.bytes)}. MB/s are 10^6 bytes per second.\n`,
    readingLine(reading),
    section('Sealing (OpenPGP and SHA-1)', sealingTable(report.sealing)),
    report.compression.length === 0 ? '' : section('Compression', compressionTable(report.compression)),
    leftOut.length === 0
      ? ''
      : section('Left out', leftOut.map(({ what, reason }) => `${what}: ${reason}\n`).join('')),
    line === undefined ? '' : section('Line', lineText(line)),
    estimates(report),
    verdict(report),
  ];
  return blocks.filter((block) => block !== '').join('\n');
}

function section(title: string, body: string): string {
  return `${title}\n${body}`;
}

function readingLine(reading: Reading | undefined): string {
  if (reading === undefined) return 'Reading: not measured, there is nothing to read.\n';
  const { directory, rate, files, bytes } = reading;
  return `Reading: ${mbs(rate)} MB/s (${files} files under ${directory}, ${formatBytes(bytes)}, not in memory before).\n`;
}

function sealingTable(rows: readonly Measured<SealingCase>[]): string {
  return table(
    [left('PROFILE'), right('WORKERS'), right('MB/s'), right('PEAK MEMORY')],
    rows.map(({ case: { profile, aead, workers }, figure }) => [
      profile === 'rfc9580' ? `${profile} ${aead}` : profile,
      String(workers),
      mbs(figure.rate),
      memory(figure.peakBytes),
    ]),
  );
}

function compressionTable(rows: readonly Measured<CompressionCase>[]): string {
  return table(
    [
      left('CODEC'),
      right('WORKERS'),
      right('MB/s OF TAR'),
      right('LEAVES'),
      right('BUFFERS'),
      right('PEAK MEMORY'),
    ],
    rows
      .toSorted((a, b) => (a.case.codec === b.case.codec ? a.case.workers - b.case.workers : 0))
      .map(({ case: { codec, workers }, figure }) => [
        codec,
        String(workers),
        mbs(figure.rate),
        percent(figure.share),
        formatBytes(figure.bufferBytes),
        memory(figure.peakBytes),
      ]),
  );
}

function lineText(line: Uplink): string {
  const { roundTripMs, authorizeMs, callMs, uploads, sentBytes } = line;
  const head = `Round trip ${ms(roundTripMs)}, authorization and bucket ${ms(authorizeMs)}, a small call ${ms(callMs)}; ${formatBytes(sentBytes)} were sent and taken away again.\n`;
  return `${head}${table(
    [right('CONNECTIONS'), right('PART'), right('MB/s'), right('Mbit/s')],
    uploads.map(({ connections, partBytes, rate }) => [
      String(connections),
      formatBytes(partBytes),
      mbs(rate),
      mbs(rate * 8),
    ]),
  )}`;
}

function estimates(report: BenchReport): string {
  const { ways, archiveBytes, pricePerTerabyte } = report;
  const most = Math.max(...ways.map(({ workers }) => workers));
  const rows = ways.filter(({ workers }) => workers === most);
  if (rows.length === 0) return '';
  return section(
    `A tar of ${formatBytes(archiveBytes)} with ${most} worker${most === 1 ? '' : 's'}, at ${pricePerTerabyte} per TB and month`,
    table(
      [left('CODEC'), right('MB/s OF TAR'), left('LIMIT'), right('TIME'), right('STORED'), right('A MONTH')],
      rows.map(({ codec, share, limit }) => {
        const { seconds, storedBytes, perMonth } = estimate(
          archiveBytes,
          limit.rate,
          share,
          pricePerTerabyte,
        );
        return [
          codec,
          mbs(limit.rate),
          limit.stage === 'cpu' ? 'CPU' : limit.stage,
          formatDuration(seconds * 1000),
          formatBytes(storedBytes),
          perMonth.toFixed(2),
        ];
      }),
    ),
  );
}

function verdict(report: BenchReport): string {
  const { choice, whole, lineRate } = report;
  if (choice === undefined) return 'Nothing was measured that settings could be based on.\n';
  const { way, choseCodec } = choice;
  const lines = [limitLine(way.limit, way.codec)];
  if (lineRate === undefined)
    lines.push(
      'The line is not known: --upload measures it, --line 40Mbit tells it. Without it the codec is left as it is.',
    );
  else if (!choseCodec) lines.push(`The codec is the one of the configuration: ${way.codec}.`);
  if (whole?.kind === 'measured') {
    lines.push(
      `All together, without the line: ${mbs(whole.rate)} MB/s of tar, ${memory(whole.peakBytes)} at the peak with a budget of ${formatBytes(choice.memoryBytes)}.`,
    );
  }
  return `${lines.join('\n')}\n\nSettings for this machine${lineRate === undefined ? '' : ' and this line'}:\n\n${linesOf(choice)}`;
}

const STAGES = { reading: 'Reading', cpu: 'The CPU', line: 'The line' } as const;

function limitLine({ stage, rate, headroom }: Bottleneck, codec: string): string {
  const with_ = codec === 'none' ? 'without compression' : `with ${codec}`;
  const rest =
    headroom === undefined ? '' : `; everything else could do ${headroom.toFixed(1)} times as much`;
  return `${STAGES[stage]} limits this machine: ${mbs(rate)} MB/s of tar ${with_}${rest}.`;
}

/** In units of 10^6 bytes, with one decimal where it matters. */
function mbs(rate: number): string {
  const megabytes = rate / 1e6;
  return megabytes < 10 ? megabytes.toFixed(megabytes < 1 ? 2 : 1) : String(Math.round(megabytes));
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function memory(bytes: number | undefined): string {
  return bytes === undefined ? '?' : formatBytes(bytes);
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}
