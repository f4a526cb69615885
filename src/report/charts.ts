/** Small charts as SVG, without axes where a table has the figures. Pure. */
import { formatBytes } from '../config/values.js';
import { html, type Markup } from './markup.js';
import type { ReportedRun } from './facts.js';

const WIDTH = 720;
const HEIGHT = 160;
const LEFT = 84;
const BOTTOM = 26;

/** A running total by day, as an area. Needs at least two days. */
export function storedChart(stored: readonly { readonly day: string; readonly bytes: number }[]): Markup {
  const [first] = stored;
  const last = stored.at(-1);
  if (first === undefined || last === undefined || first.day === last.day) return html``;
  const from = Date.parse(first.day);
  const span = Date.parse(last.day) - from;
  const most = Math.max(...stored.map(({ bytes }) => bytes), 1);
  const x = (day: string): number => LEFT + ((Date.parse(day) - from) / span) * (WIDTH - LEFT);
  const y = (bytes: number): number => HEIGHT - BOTTOM - (bytes / most) * (HEIGHT - BOTTOM - 12);
  const steps = stored.map(({ day, bytes }) => `H${x(day).toFixed(1)}V${y(bytes).toFixed(1)}`).join('');
  const base = y(0).toFixed(1);
  return html`<svg
    viewBox="0 0 ${WIDTH} ${HEIGHT}"
    role="img"
    aria-label="Bytes in B2 over time, now ${formatBytes(last.bytes)}"
  >
    ${axis(most, y)}
    <path class="area" d="M${LEFT} ${base}${steps}V${base}Z" />
    <path class="edge" d="M${LEFT} ${base}${steps}" />
    <text class="axis" x="${LEFT}" y="${HEIGHT - 4}">${first.day}</text>
    <text class="axis end" x="${WIDTH}" y="${HEIGHT - 4}">${last.day}</text>
  </svg>`;
}

/** What each run sent and had B2 copy, oldest on the left. */
export function runsChart(newestFirst: readonly ReportedRun[]): Markup {
  const runs = newestFirst.toReversed();
  if (runs.length === 0) return html``;
  const most = Math.max(...runs.map(({ sentBytes, copiedBytes }) => sentBytes + copiedBytes), 1);
  const step = (WIDTH - LEFT) / runs.length;
  const y = (bytes: number): number => HEIGHT - BOTTOM - (bytes / most) * (HEIGHT - BOTTOM - 12);
  const bars = runs.map((run, index) => {
    const x = (LEFT + index * step + step * 0.1).toFixed(1);
    const width = Math.min(step * 0.8, 40).toFixed(1);
    const height = (bytes: number): string => (y(0) - y(bytes)).toFixed(1);
    const { sentBytes, copiedBytes } = run;
    return html`<g>
      <title>
        ${run.host} #${run.number}: ${formatBytes(sentBytes)} sent, ${formatBytes(copiedBytes)} copied in B2,
        ${run.state}
      </title>
      <rect
        class="copied"
        x="${x}"
        y="${y(sentBytes + copiedBytes).toFixed(1)}"
        width="${width}"
        height="${height(copiedBytes)}"
      />
      <rect
        class="sent ${run.state}"
        x="${x}"
        y="${y(sentBytes).toFixed(1)}"
        width="${width}"
        height="${height(sentBytes)}"
      />
    </g>`;
  });
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Bytes that the last runs sent">
    ${axis(most, y)} ${bars}
    <text class="axis" x="${LEFT}" y="${HEIGHT - 4}">older</text>
    <text class="axis end" x="${WIDTH}" y="${HEIGHT - 4}">newest</text>
  </svg>`;
}

function axis(most: number, y: (bytes: number) => number): Markup {
  return html`${[0, most / 2, most].map(
    (bytes) =>
      html`<line
          class="grid"
          x1="${LEFT}"
          x2="${WIDTH}"
          y1="${y(bytes).toFixed(1)}"
          y2="${y(bytes).toFixed(1)}"
        />
        <text class="axis end" x="${LEFT - 6}" y="${(y(bytes) + 4).toFixed(1)}"
          >${formatBytes(Math.round(bytes))}</text
        >`,
  )}`;
}

/** The sizes of a host's archives as a sparkline, oldest on the left. */
export function sizesLine(sizes: readonly number[]): Markup {
  if (sizes.length < 2) return html``;
  const most = Math.max(...sizes, 1);
  const points = sizes.map((bytes, index) => {
    const x = (index / (sizes.length - 1)) * 60 + 1;
    return `${x.toFixed(1)},${(16 - (bytes / most) * 14).toFixed(1)}`;
  });
  return html`<svg
    class="line"
    viewBox="0 0 62 18"
    role="img"
    aria-label="Sizes from ${formatBytes(sizes[0] ?? 0)} to ${formatBytes(sizes.at(-1) ?? 0)}"
  >
    <polyline points="${points.join(' ')}" />
  </svg>`;
}
