/** Fields of B2's JSON answers, checked. An answer without them cannot be trusted in anything else. Pure. */
import type { FileVersion, PartInfo } from '../store.js';

type Fields = Readonly<Record<string, unknown>>;

/** An answer without what it must have. The call is tried again: a proxy or a server in trouble may have made it. */
export class UnreadableReply extends Error {
  override readonly name = 'UnreadableReply';
}

function wrong(name: string): UnreadableReply {
  return new UnreadableReply(`the answer has no usable "${name}"`);
}

export const field = {
  string(fields: Fields, name: string): string {
    const value = fields[name];
    if (typeof value !== 'string') throw wrong(name);
    return value;
  },
  /** What goes into an `Authorization` header: no quote, blank or control character can be in it. */
  token(fields: Fields, name: string): string {
    const value = field.string(fields, name);
    if (!/^[A-Za-z0-9+/=_.:~-]+$/.test(value)) throw wrong(name);
    return value;
  },
  /**
   * https. Plain http only where the answer itself came over it, and to this machine: a test server's. No user, no fragment, nothing that
   * would have to be quoted.
   * @param from the URL that gave the answer
   */
  url(fields: Fields, name: string, from: string): string {
    const value = field.string(fields, name);
    if (!/^[A-Za-z0-9._~:/?=&%@[\]-]+$/.test(value) || !URL.canParse(value)) throw wrong(name);
    const { protocol, hostname, username } = new URL(value);
    const local = protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
    const allowed = protocol === 'https:' || (local && from.startsWith('http:'));
    if (!allowed || username !== '') throw wrong(name);
    return value;
  },
  /** undefined for null, absent and the empty string. */
  optionalString(fields: Fields, name: string): string | undefined {
    const value = fields[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  },
  number(fields: Fields, name: string): number {
    const value = fields[name];
    if (typeof value !== 'number' || !Number.isFinite(value)) throw wrong(name);
    return value;
  },
  record(fields: Fields, name: string): Fields {
    const value = fields[name];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(name);
    return value as Fields;
  },
  /** Empty for null and absent. */
  optionalRecord(fields: Fields, name: string): Fields {
    return fields[name] === undefined || fields[name] === null ? {} : field.record(fields, name);
  },
  strings(fields: Fields, name: string): readonly string[] {
    const values = field.list(fields, name);
    if (!values.every((value) => typeof value === 'string')) throw wrong(name);
    return values;
  },
  list(fields: Fields, name: string): readonly unknown[] {
    const value = fields[name];
    if (!Array.isArray(value)) throw wrong(name);
    return value;
  },
  records(fields: Fields, name: string): readonly Fields[] {
    return field
      .list(fields, name)
      .map((value, index) => field.record({ [`${name}[${index}]`]: value }, `${name}[${index}]`));
  },
};

const SHA1 = /^[0-9a-f]{40}$/;

export function readFileVersion(fields: Fields): FileVersion {
  const action = readAction(field.string(fields, 'action'));
  const sha1 = field.optionalString(fields, 'contentSha1')?.replace(/^unverified:/, '');
  const info = field.optionalRecord(fields, 'fileInfo');
  return {
    fileName: field.string(fields, 'fileName'),
    fileId: field.optionalString(fields, 'fileId') ?? '',
    action,
    contentLength: typeof fields['contentLength'] === 'number' ? fields['contentLength'] : 0,
    contentSha1: action === 'upload' && sha1 !== undefined && SHA1.test(sha1) ? sha1 : undefined,
    contentType: field.optionalString(fields, 'contentType') ?? '',
    fileInfo: Object.fromEntries(
      Object.keys(info).map((key) => [key.toLowerCase(), field.string(info, key)]),
    ),
    // A folder has none.
    uploadTimestamp: action === 'folder' ? 0 : field.number(fields, 'uploadTimestamp'),
    lockedUntil: lockedUntil(fields),
    legalHold: field.optionalRecord(fields, 'legalHold')['value'] === 'on',
  };
}

/** The answer to a copy says `copy`; every listing then says `upload`. */
function readAction(action: string): FileVersion['action'] {
  return action === 'start' || action === 'hide' || action === 'folder' ? action : 'upload';
}

function lockedUntil(fields: Fields): number | undefined {
  const retention = field.optionalRecord(field.optionalRecord(fields, 'fileRetention'), 'value');
  const until = retention['retainUntilTimestamp'];
  return typeof retention['mode'] === 'string' && typeof until === 'number' ? until : undefined;
}

export function readPart(fields: Fields): PartInfo {
  const partNumber = field.number(fields, 'partNumber');
  if (!Number.isSafeInteger(partNumber) || partNumber < 1) throw wrong('partNumber');
  return {
    partNumber,
    contentLength: field.number(fields, 'contentLength'),
    contentSha1: field.string(fields, 'contentSha1').replace(/^unverified:/, ''),
  };
}
