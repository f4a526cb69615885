/** Prints `MS BYTES` again and again: a monotonic time, and what the interface has sent since it came up. Arguments: interface, ms. */
import { openSync, readSync } from 'node:fs';

const [device = '', everyMs = '100'] = process.argv.slice(2);
const counter = openSync(`/sys/class/net/${device}/statistics/tx_bytes`, 'r');
const text = Buffer.alloc(32);
setInterval(() => {
  const length = readSync(counter, text, 0, text.length, 0);
  process.stdout.write(
    `${(Number(process.hrtime.bigint()) / 1e6).toFixed(3)} ${text.toString('latin1', 0, length).trim()}\n`,
  );
}, Number(everyMs));
