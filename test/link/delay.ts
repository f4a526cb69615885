/** Prints `MS ROUNDTRIP` every 100 ms: the time of a TCP handshake with host and port. By a process of its own, since it judges another's. */
import { tcpProbe } from '../../src/bandwidth/delay-probe.js';

const [host = '', port = '0'] = process.argv.slice(2);
const probe = tcpProbe(host, Number(port));
setInterval(() => {
  const atMs = Number(process.hrtime.bigint()) / 1e6;
  probe(AbortSignal.timeout(10_000)).then(
    (ms) => process.stdout.write(`${atMs.toFixed(3)} ${ms.toFixed(3)}\n`),
    () => process.stdout.write(`${atMs.toFixed(3)} 10000\n`),
  );
}, 100);
