/** A horizontal bar chart as SVG text. Pure. */
export function barChart(
  title: string,
  bars: readonly { label: string; value: number; ours: boolean }[],
): string {
  const rowHeight = 26;
  const left = 290;
  const width = 760;
  const height = 50 + bars.length * rowHeight;
  const most = Math.max(1, ...bars.map(({ value }) => value));
  const escape = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  const rows = bars.map(({ label, value, ours }, index) => {
    const y = 40 + index * rowHeight;
    const length = Math.round((value / most) * (width - left - 70));
    return [
      `<text x="${left - 8}" y="${y + 14}" text-anchor="end">${escape(label)}</text>`,
      `<rect x="${left}" y="${y}" width="${length}" height="${rowHeight - 8}" fill="${ours ? '#c0392b' : '#8395a7'}"/>`,
      `<text x="${left + length + 6}" y="${y + 14}">${value}</text>`,
    ].join('\n');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#fff"/>
<text x="12" y="22" font-size="15">${escape(title)}</text>
${rows.join('\n')}
</svg>
`;
}
