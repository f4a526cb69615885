import type { IncomingHttpHeaders } from 'node:http';
import { badRequest } from './errors.js';
import { decodeName, encodeName } from './names.js';

const PREFIX = 'x-bz-info-';

/** File info that a download shows as an ordinary header instead of `X-Bz-Info-…`. */
const AS_HEADER: Readonly<Record<string, string>> = {
  'b2-content-disposition': 'Content-Disposition',
  'b2-content-language': 'Content-Language',
  'b2-content-encoding': 'Content-Encoding',
  'b2-expires': 'Expires',
  'b2-cache-control': 'Cache-Control',
};

/** File info of an upload's headers, decoded; keys in lower case. */
export function readFileInfoHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const info: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(PREFIX) && typeof value === 'string')
      info[name.slice(PREFIX.length)] = decodeName(value);
  }
  return info;
}

/**
 * File info with its keys in lower case, checked: known characters, at most 50 bytes per key, at most 7,000 bytes with the name
 * (2,048 with server-side encryption or Object Lock).
 */
export function checkFileInfo(
  fileName: string,
  info: Readonly<Record<string, string>>,
  limitBytes: 7000 | 2048,
): Record<string, string> {
  let bytes = Buffer.byteLength(fileName);
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(info)) {
    const key = name.toLowerCase();
    if (!/^[-a-z0-9_.`~!#$%^&*'|+]{1,50}$/.test(key)) throw badRequest(`Bad file info name: ${name}`);
    if (key.startsWith('b2-') && AS_HEADER[key] === undefined)
      throw badRequest(`File info names starting with b2- are reserved: ${name}`);
    checked[key] = value;
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > limitBytes) throw badRequest(`file name and file info must not exceed ${limitBytes} bytes`);
  return checked;
}

/** Headers of a download that carry the file info. */
export function fileInfoHeaders(info: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(info).map(([key, value]) => {
      const plain = AS_HEADER[key];
      return plain === undefined ? [`X-Bz-Info-${key}`, encodeName(value)] : [plain, value];
    }),
  );
}

const TYPES: Readonly<Record<string, string>> = {
  txt: 'text/plain',
  html: 'text/html',
  json: 'application/json',
  gz: 'application/gzip',
  tar: 'application/x-tar',
  gpg: 'application/pgp-encrypted',
  jpg: 'image/jpeg',
  png: 'image/png',
  pdf: 'application/pdf',
  zip: 'application/zip',
};

/** `b2/x-auto` is resolved by the name's extension when it is stored. */
export function resolveContentType(asked: string, fileName: string): string {
  if (asked !== 'b2/x-auto') return asked;
  return TYPES[/\.([^./]+)$/.exec(fileName)?.[1]?.toLowerCase() ?? ''] ?? 'application/octet-stream';
}
