/**
 * Prints `MS WIRE NEAR GUEST` again and again: a monotonic time, bytes that left through the modem's line with all headers, and bytes of TCP
 * payload that our machine and the other one have sent to the modem. Run in the modem. Argument: ms between two lines.
 */
import { openSync, readSync } from 'node:fs';

const [everyMs = '100'] = process.argv.slice(2);
const text = Buffer.alloc(32);
function counter(device: string, name: string): () => number {
  const file = openSync(`/sys/class/net/${device}/statistics/${name}`, 'r');
  return () => Number(text.toString('latin1', 0, readSync(file, text, 0, text.length, 0)));
}

/** Of Ethernet, IP and TCP with timestamps. What the sender's kernel has yet to cut into packets has them once, and counts as one packet. */
const HEADER_BYTES = 66;
function payload(device: string): () => number {
  const bytes = counter(device, 'rx_bytes');
  const packets = counter(device, 'rx_packets');
  return () => bytes() - packets() * HEADER_BYTES;
}

const counters = [counter('line0', 'tx_bytes'), payload('home0'), payload('guest0')];
setInterval(() => {
  const atMs = (Number(process.hrtime.bigint()) / 1e6).toFixed(3);
  process.stdout.write(`${atMs} ${counters.map((read) => read()).join(' ')}\n`);
}, Number(everyMs));
