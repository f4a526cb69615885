/** What `bench` found, for programs. Pure. */
import type { Figure } from '../../tuning/figures.js';
import { estimate } from '../../tuning/limits.js';
import type { BenchReport } from './bench-report.js';
import { settingsOf } from './bench-write.js';

/** Sizes in bytes, rates in bytes per second, what is not known is null. */
export function jsonReport(report: BenchReport): string {
  const { choice, whole, archiveBytes, pricePerTerabyte } = report;
  const figure = ({ rate, share, peakBytes, bufferBytes }: Figure): Record<string, unknown> => ({
    bytesPerSecond: Math.round(rate),
    share,
    peakBytes: peakBytes ?? null,
    bufferBytes,
  });
  const ways = report.ways.map(({ codec, workers, cpu, share, limit }) => ({
    codec,
    workers,
    cpuBytesPerSecond: Math.round(cpu),
    share,
    limit: limit.stage,
    bytesPerSecond: Math.round(limit.rate),
    ...estimate(archiveBytes, limit.rate, share, pricePerTerabyte),
  }));
  const { reading, line } = report;
  return `${JSON.stringify(
    {
      machine: report.machine,
      load: report.load,
      sample: report.sample,
      secondsPerCase: report.secondsPerCase,
      reading:
        reading === undefined
          ? null
          : {
              directory: reading.directory,
              bytesPerSecond: Math.round(reading.rate),
              files: reading.files,
              bytes: reading.bytes,
            },
      sealing: report.sealing.map(({ case: { profile, aead, workers }, figure: seen }) => ({
        profile,
        aead: profile === 'rfc4880' ? null : aead,
        workers,
        ...figure(seen),
      })),
      compression: report.compression.map(({ case: { codec, workers }, figure: seen }) => ({
        codec,
        workers,
        ...figure(seen),
      })),
      leftOut: report.leftOut,
      line:
        line === undefined
          ? null
          : {
              roundTripMs: line.roundTripMs,
              authorizeMs: line.authorizeMs,
              callMs: line.callMs,
              sentBytes: line.sentBytes,
              uploads: line.uploads.map(({ connections, partBytes, rate }) => ({
                connections,
                partBytes,
                bytesPerSecond: Math.round(rate),
              })),
            },
      lineBytesPerSecond: report.lineRate === undefined ? null : Math.round(report.lineRate),
      estimates: { archiveBytes, pricePerTerabyte, ways },
      limit: choice === undefined ? null : choice.way.limit.stage,
      whole: whole?.kind === 'measured' ? figure(whole) : null,
      settings: choice === undefined ? null : settingsOf(choice),
    },
    undefined,
    2,
  )}\n`;
}
