import { badRequest } from './errors.js';

/** Byte order of the names' UTF-8, which is B2's order. (UTF-16 order differs for characters beyond U+FFFF.) */
export function compareNames(a: string, b: string): number {
  return isPlain(a) && isPlain(b)
    ? a < b
      ? -1
      : a > b
        ? 1
        : 0
    : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function isPlain(text: string): boolean {
  return !/[\ud800-\udfff]/.test(text);
}

/** Index of the first name that is not before `name`. */
export function firstAtOrAfter(names: readonly string[], name: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareNames(names[middle] ?? '', name) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** B2's strict set (`Files: file names`): 1 to 1024 bytes, no control characters, no slash at either end nor two in a row. */
export function checkFileName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0) throw badRequest('File names must contain at least one character');
  if (bytes > 1024) throw badRequest('File names must be no more than 1024 bytes of UTF-8');
  if (/[\u0000-\u001f\u007f]/.test(name))
    throw badRequest('File names must not contain control characters or DEL');
  if (name.includes('\\')) throw badRequest('File names must not contain "\\"');
  if (name.startsWith('/') || name.endsWith('/'))
    throw badRequest('File names must not start or end with "/"');
  if (name.includes('//')) throw badRequest('File names must not contain "//"');
  if (name.split('/').some((segment) => Buffer.byteLength(segment) > 250)) {
    throw badRequest('File names segments must be no more than 250 bytes of UTF-8');
  }
}

/** B2's percent encoding of names and file info in headers: UTF-8, these characters left as they are, the slash too. */
export function encodeName(name: string): string {
  return encodeURIComponent(name).replace(/%(2F|3B|3D|3A|40|24)/g, (escape) => decodeURIComponent(escape));
}

/** A percent-encoded name or value as it came in a header or path; `+` means a space. */
export function decodeName(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    throw badRequest(`Bad percent-encoding: ${encoded}`);
  }
}
