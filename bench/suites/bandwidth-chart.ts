/** Traces over time as SVG text: one panel below the other, each with its own scale. Pure. */
export interface Panel {
  readonly title: string;
  readonly unit: string;
  /** A horizontal line: the limit or the link. */
  readonly mark?: number;
  readonly lines: readonly Line[];
}

export interface Line {
  readonly label: string;
  readonly colour: string;
  /** Seconds and value. */
  readonly points: readonly (readonly [number, number])[];
}

const WIDTH = 860;
const PANEL = 170;
const LEFT = 70;
const PLOT_HEIGHT = 110;

export function traceChart(title: string, panels: readonly Panel[]): string {
  const height = 40 + panels.length * PANEL;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="12" y="22" font-size="15">${escape(title)}</text>
${panels.map((panel, index) => drawPanel(panel, 40 + index * PANEL)).join('\n')}
</svg>
`;
}

function drawPanel({ title, unit, mark, lines }: Panel, top: number): string {
  const points = lines.flatMap((line) => line.points);
  const seconds = Math.max(1, ...points.map(([second]) => second));
  const values = points.map(([, value]) => value).sort((one, other) => one - other);
  // A burst far above everything else is cut off at the edge, not the rest flattened by it.
  const typical = values[Math.floor(values.length * 0.98)] ?? 1;
  const most = Math.max(mark ?? 0, typical) * 1.25 || 1;
  const x = (second: number): number => LEFT + (second / seconds) * (WIDTH - LEFT - 20);
  const y = (value: number): number => top + 20 + PLOT_HEIGHT * (1 - Math.min(1, value / most));
  const legend = lines.map(
    ({ label, colour }, index) =>
      `<text x="${WIDTH - 20 - (lines.length - 1 - index) * 150}" y="${top + 12}" text-anchor="end" fill="${colour}">${escape(label)}</text>`,
  );
  const drawn = lines.map(
    ({ colour, points: trace }) =>
      `<polyline fill="none" stroke="${colour}" stroke-width="1.2" points="${trace.map(([second, value]) => `${x(second).toFixed(1)},${y(value).toFixed(1)}`).join(' ')}"/>`,
  );
  const marked =
    mark === undefined
      ? []
      : [
          `<line x1="${LEFT}" x2="${WIDTH - 20}" y1="${y(mark).toFixed(1)}" y2="${y(mark).toFixed(1)}" stroke="#888" stroke-dasharray="4 3"/>`,
        ];
  return [
    `<text x="12" y="${top + 12}" font-weight="bold">${escape(title)}</text>`,
    ...legend,
    `<rect x="${LEFT}" y="${top + 20}" width="${WIDTH - LEFT - 20}" height="${PLOT_HEIGHT}" fill="none" stroke="#ccc"/>`,
    ...[0, most / 1.25].map(
      (value) =>
        `<text x="${LEFT - 6}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${Number(value.toPrecision(2))} ${unit}</text>`,
    ),
    `<text x="${WIDTH - 20}" y="${top + PLOT_HEIGHT + 34}" text-anchor="end">${seconds.toFixed(0)} s</text>`,
    ...marked,
    ...drawn,
  ].join('\n');
}

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
}
