import type { ServerResponse } from 'node:http';
import { cut, type Exchange } from './exchange.js';
import { stall } from './connections.js';
import type { Download } from './downloads.js';
import type { Fault } from './fault-rule.js';

/** Sends headers and bytes of a download, at the connection's pace, with what the fault does to them. */
export async function sendDownload(
  exchange: Exchange,
  download: Download,
  fault: Fault | undefined,
  sleep: (ms: number) => Promise<void>,
): Promise<void> {
  const { request, response, connection, entry } = exchange;
  const headers = { ...download.headers };
  if (fault?.kind === 'wrong-sha1') headers['X-Bz-Content-Sha1'] = '0'.repeat(40);
  response.writeHead(download.status, headers);
  entry.status = download.status;
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const length = Number(headers['Content-Length']);
  const breakAt = breakingPoint(fault, length);
  for (const piece of download.bytes()) {
    let bytes: Uint8Array = piece;
    if (breakAt !== undefined && entry.bytesOut <= breakAt && breakAt < entry.bytesOut + piece.length) {
      if (fault?.kind === 'flip-bit') bytes = flipped(piece, breakAt - entry.bytesOut);
      else if (await interrupt(exchange, piece.subarray(0, breakAt - entry.bytesOut), fault, sleep)) return;
    }
    if (response.destroyed) return;
    response.write(bytes);
    entry.bytesOut += bytes.length;
    const wait = connection.pace?.(bytes.length) ?? 0;
    if (wait >= 1) await sleep(wait);
    if (response.writableNeedDrain) await drained(response);
  }
  response.end();
}

/** Resolves when more can be written, or when nobody reads any more. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      response.off('drain', settle).off('close', settle);
      resolve();
    };
    response.on('drain', settle).on('close', settle);
    if (response.destroyed) settle();
  });
}

function breakingPoint(fault: Fault | undefined, length: number): number | undefined {
  if (fault?.kind === 'flip-bit') return fault.afterBytes ?? length >>> 1;
  if ((fault?.kind === 'reset' || fault?.kind === 'stall') && fault.when === 'body')
    return fault.afterBytes ?? length >>> 1;
  return undefined;
}

function flipped(piece: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(piece);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

/** @returns true where that was the end of it. */
async function interrupt(
  exchange: Exchange,
  first: Uint8Array,
  fault: Fault | undefined,
  sleep: (ms: number) => Promise<void>,
): Promise<boolean> {
  const { request, response } = exchange;
  if (fault?.kind === 'reset') {
    response.write(first, () => {
      cut(exchange);
    });
    return true;
  }
  await stall(request.socket, fault?.kind === 'stall' ? fault : { ms: 0 }, sleep);
  return request.socket.destroyed;
}
