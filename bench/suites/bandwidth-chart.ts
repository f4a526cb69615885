/** Traces over time as SVG text: one panel below the other, each with its own scale. Pure. */
export interface Panel {
  readonly title: string;
  readonly unit: string;
  /** A horizontal line: the limit or the link. */
  readonly mark?: { readonly value: number; readonly label: string };
  /** Times that are marked behind the lines, in seconds; without `to` a moment. */
  readonly spans?: readonly Span[];
  /** The last is drawn on top. */
  readonly lines: readonly Line[];
}

export interface Span {
  readonly from: number;
  readonly to?: number;
  readonly label: string;
}

export interface Line {
  readonly label: string;
  readonly colour: string;
  /** Seconds and value. */
  readonly points: readonly (readonly [number, number])[];
}

const WIDTH = 860;
const LEFT = 56;
const RIGHT = 16;
const PLOT_TOP = 26;
const PLOT_HEIGHT = 120;
const PANEL_HEIGHT = PLOT_TOP + PLOT_HEIGHT + 40;
const TITLE_HEIGHT = 40;
const INK = '#333';
const FAINT = '#e4e4e4';
const MARK = 'stroke="#888" stroke-dasharray="5 4"';

export function traceChart(title: string, panels: readonly Panel[]): string {
  const height = TITLE_HEIGHT + panels.length * PANEL_HEIGHT;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="${INK}">
<rect width="100%" height="100%" fill="#fff"/>
<text x="12" y="24" font-size="16">${escape(title)}</text>
${panels.map((panel, index) => drawPanel(panel, TITLE_HEIGHT + index * PANEL_HEIGHT)).join('\n')}
</svg>
`;
}

function drawPanel(panel: Panel, top: number): string {
  const { title, unit, mark, spans = [], lines } = panel;
  const seconds = Math.max(1, ...lines.flatMap(({ points }) => points.map(([second]) => second)));
  const valueStep = niceStep(usualMost(panel), 4);
  const most = Math.ceil(usualMost(panel) / valueStep) * valueStep;
  const x = (second: number): number => LEFT + (second / seconds) * (WIDTH - LEFT - RIGHT);
  const bottom = top + PLOT_TOP + PLOT_HEIGHT;
  const y = (value: number): number => bottom - PLOT_HEIGHT * Math.min(1, Math.max(0, value / most));

  const behind = spans.map(({ from, to, label }) => {
    const width = to === undefined ? 1 : x(to) - x(from);
    const colour = to === undefined ? '#888' : '#f3f1e7';
    return [
      `<rect x="${at(x(from))}" y="${at(y(most))}" width="${at(width)}" height="${PLOT_HEIGHT}" fill="${colour}"/>`,
      `<text x="${at(x(from) + 5)}" y="${at(y(most) + 13)}" font-size="11" fill="#777">${escape(label)}</text>`,
    ].join('\n');
  });
  const rows = ticks(most, valueStep).map((value) =>
    [
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(y(value))}" y2="${at(y(value))}" stroke="${FAINT}"/>`,
      `<text x="${LEFT - 6}" y="${at(y(value) + 4)}" text-anchor="end">${value}</text>`,
    ].join('\n'),
  );
  const columns = ticks(seconds, niceStep(seconds, 10)).map((second) =>
    [
      `<line x1="${at(x(second))}" x2="${at(x(second))}" y1="${bottom}" y2="${bottom + 4}" stroke="${INK}"/>`,
      `<text x="${at(x(second))}" y="${bottom + 17}" text-anchor="middle">${second}${second === 0 ? ' s' : ''}</text>`,
    ].join('\n'),
  );
  const marked =
    mark === undefined
      ? []
      : [
          `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(y(mark.value))}" y2="${at(y(mark.value))}" ${MARK}/>`,
        ];
  const drawn = lines.map(
    ({ colour, points }) =>
      `<polyline fill="none" stroke="${colour}" stroke-width="1.5" stroke-linejoin="round" points="${points.map(([second, value]) => `${at(x(second))},${at(y(value))}`).join(' ')}"/>`,
  );
  return [
    `<text x="${LEFT}" y="${top + 16}" font-weight="bold">${escape(title)}</text>`,
    `<text x="${LEFT - 6}" y="${top + 16}" text-anchor="end" fill="#777">${escape(unit)}</text>`,
    ...behind,
    ...rows,
    ...columns,
    ...marked,
    ...drawn,
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${bottom}" y2="${bottom}" stroke="${INK}"/>`,
    ...cutOff(lines, most).map(
      ({ second, value, colour }) =>
        `<text x="${at(x(second) + 6)}" y="${at(y(most) + 11)}" font-size="11" fill="${colour}" stroke="#fff" stroke-width="4" paint-order="stroke">▲ ${Number(value.toPrecision(2))} ${escape(unit)}</text>`,
    ),
    ...legend(panel, top + 16),
  ].join('\n');
}

/** The scale: the mark, and what is seen most of the time. A burst far above all else is cut off, the rest not flattened by it. */
function usualMost({ mark, lines }: Panel): number {
  const usual = lines.map(({ points }) => {
    const values = points.map(([, value]) => value).sort((one, other) => one - other);
    const often = Math.max(mark?.value ?? 0, values[Math.floor(values.length * 0.9)] ?? 0);
    const most = values.at(-1) ?? 0;
    return most <= 2 * often ? most : often;
  });
  return Math.max((mark?.value ?? 0) * 1.15, ...usual) || 1;
}

/** The highest point of each line that leaves the plot. */
function cutOff(
  lines: readonly Line[],
  most: number,
): { readonly second: number; readonly value: number; readonly colour: string }[] {
  return lines.flatMap(({ points, colour }) => {
    const [second, value] = points.reduce((one, other) => (other[1] > one[1] ? other : one), [0, 0]);
    return value > most * 1.1 ? [{ second, value, colour }] : [];
  });
}

function legend({ lines, mark }: Panel, y: number): string[] {
  const entries = lines.map(({ label, colour }) => ({
    label,
    stroke: `stroke="${colour}" stroke-width="3"`,
  }));
  if (mark !== undefined) entries.unshift({ label: mark.label, stroke: MARK });
  let right = WIDTH - RIGHT;
  return entries.map(({ label, stroke }) => {
    const left = right - label.length * 6.6 - 24;
    right = left - 16;
    return [
      `<line x1="${at(left)}" x2="${at(left + 18)}" y1="${y - 4}" y2="${y - 4}" ${stroke}/>`,
      `<text x="${at(left + 24)}" y="${y}">${escape(label)}</text>`,
    ].join('\n');
  });
}

/** 1, 2 or 5 times a power of ten, so that at most `count` of them make up `range`. */
function niceStep(range: number, count: number): number {
  const raw = range / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= raw * 0.999) ?? 10;
  return factor * power;
}

function ticks(most: number, step: number): number[] {
  return Array.from({ length: Math.floor(most / step + 0.001) + 1 }, (_, index) =>
    Number((index * step).toPrecision(6)),
  );
}

function at(coordinate: number): string {
  return String(Math.round(coordinate * 10) / 10);
}

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
}
