/** Prints `MS BYTES…` again and again: a monotonic time, and counters of interfaces. Arguments: ms, files below /sys/class/net. */
import { openSync, readSync } from 'node:fs';

const [everyMs = '100', ...files] = process.argv.slice(2);
const counters = files.map((file) => openSync(`/sys/class/net/${file}`, 'r'));
const text = Buffer.alloc(32);
const read = (counter: number): string =>
  text.toString('latin1', 0, readSync(counter, text, 0, text.length, 0)).trim();
setInterval(() => {
  const atMs = (Number(process.hrtime.bigint()) / 1e6).toFixed(3);
  process.stdout.write(`${atMs} ${counters.map(read).join(' ')}\n`);
}, Number(everyMs));
