/**
 * The restore script: a POSIX `sh` program that brings one archive back with nothing but stock tools. Pure: plan in, text out.
 *
 * Values of the plan reach the script only as decimal numbers, in single quotes made by `shellQuote`, or as lines of a here-document that
 * they cannot end. Names of objects are also percent-encoded. Comments and messages contain only `oneLine` text.
 */
import { Failure, oneLine } from '../errors.js';
import { RESTORE_SCRIPT_BODY } from './restore-script-body.js';

export interface ScriptPiece {
  readonly bytes: number;
  /** Hex SHA-1; undefined where nobody recorded one. */
  readonly sha1: string | undefined;
}

export interface ScriptVolume {
  readonly name: string;
  readonly fileId: string;
  readonly encrypted: boolean;
  /** Of the (compressed) tar inside; undefined where no manifest says it. */
  readonly dataBytes?: number | undefined;
  /** It is missing: no pieces, no fileId. */
  readonly missing?: boolean | undefined;
  /** In order; together the whole volume. */
  readonly pieces: readonly ScriptPiece[];
}

/** How the script downloads the bytes. */
export type ScriptAccess =
  | {
      readonly kind: 'token';
      readonly token: string;
      /** What encoded names are appended to: `https://f001.backblazeb2.com/file/BUCKET/`. */
      readonly baseUrl: string;
      /** Seconds since 1970 UTC. */
      readonly expiresAt: number;
    }
  | { readonly kind: 'key'; /** `https://api.backblazeb2.com` */ readonly authorizeUrl: string };

export interface ScriptPlan {
  readonly host: string;
  readonly number: number;
  readonly program: string;
  /** ms since 1970 UTC. */
  readonly madeAt: number;
  readonly storedAt: number;
  /** Why it is not finished; empty for a finished archive. */
  readonly problems: readonly string[];
  readonly access: ScriptAccess;
  /** Command that decompresses stdin to stdout, its words; undefined for a plain tar. */
  readonly decompress: readonly string[] | undefined;
  /** What compressed it, if no known program decompresses it. */
  readonly packedBy?: string | undefined;
  /** Of the whole tar, as the manifest says. */
  readonly tarBytes?: number | undefined;
  /** It may be something else than a tar: then its end is not looked at. */
  readonly mayBeOther?: boolean | undefined;
  /** Oldest gpg that reads these messages, as [2, 2, 21]. */
  readonly gpgVersion: readonly [number, number, number];
  readonly volumes: readonly ScriptVolume[];
  /** The member index, gzip inside; undefined if there is none. */
  readonly index?: ScriptVolume | undefined;
  /** Whether each volume is a stream of its own: then the index says where in it a member lies. */
  readonly ownStreams?: boolean | undefined;
}

/** Piece of a volume whose parts are not known: what fits any temporary directory. */
const PLAIN_PIECE_BYTES = 32 * 1024 * 1024;
/** Largest part that is fetched as one piece, into the temporary directory. */
const MAX_PIECE_BYTES = 512 * 1024 * 1024;

/** `text` as one word for sh: in single quotes, each of its own single quotes as `'\''`. */
export function shellQuote(text: string): string {
  if (text.includes('\0')) throw new Failure('usage', 'a name with a NUL byte cannot be given to a shell');
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Percent-encoded UTF-8; only unreserved characters and `/` stay. Half a surrogate pair, which no UTF-8 has, is U+FFFD. */
export function percentEncode(name: string): string {
  return encodeAll(name).replaceAll('%2F', '/');
}

function encodeAll(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString('utf8')).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/**
 * Pieces of a volume: its parts as the manifest has them, or equal pieces without SHA-1. A volume that B2 keeps as one small
 * file is one piece with the SHA-1 of the file.
 */
export function piecesOf(
  bytes: number,
  parts: readonly (readonly [bytes: number, sha1: string])[] | undefined,
  sha1: string | undefined,
): ScriptPiece[] {
  const known: readonly (readonly [number, string | undefined])[] =
    parts ?? (sha1 !== undefined && bytes <= PLAIN_PIECE_BYTES ? [[bytes, sha1]] : [[bytes, undefined]]);
  return known.flatMap(([partBytes, partSha1]) => {
    if (partSha1 !== undefined && partBytes <= MAX_PIECE_BYTES) return [{ bytes: partBytes, sha1: partSha1 }];
    const pieces: ScriptPiece[] = [];
    for (let at = 0; at < partBytes; at += PLAIN_PIECE_BYTES) {
      pieces.push({ bytes: Math.min(PLAIN_PIECE_BYTES, partBytes - at), sha1: undefined });
    }
    return pieces;
  });
}

function utc(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

export function restoreScript(plan: ScriptPlan): string {
  const { access } = plan;
  const title = oneLine(`${plan.host} #${plan.number}`);
  checkAccess(access);
  const bytes = plan.volumes.reduce(
    (sum, { pieces }) => sum + pieces.reduce((a, piece) => a + piece.bytes, 0),
    0,
  );
  const encrypted = plan.volumes.some((volume) => volume.encrypted);
  const expiry =
    access.kind === 'token'
      ? `# It holds a temporary token for this one archive, good until ${utc(access.expiresAt * 1000)}: anybody with this file can download\n# the encrypted archive until then, but nothing else.`
      : '# It holds no secret: it asks for an application key that may read the bucket (or takes it from the environment,\n# B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY).';
  const settings = [
    `archive=${shellQuote(title)}`,
    `archive_bytes=${bytes}`,
    `volumes_total=${plan.volumes.length}`,
    `unpacker=${shellQuote(plan.decompress?.[0] ?? '')}`,
    `encrypted=${encrypted ? 'yes' : 'no'}`,
    `gpg_minimum=${gpgNumber(plan.gpgVersion)}`,
    `gpg_minimum_text=${shellQuote(plan.gpgVersion.join('.'))}`,
    `problems=${shellQuote(oneLine(plan.problems.join('; ')))}`,
    `tar_bytes=${shellQuote(String(plan.tarBytes ?? ''))}`,
    `tar_end=${plan.mayBeOther === true ? 'no' : 'yes'}`,
    `plain=${plan.decompress === undefined && plan.packedBy === undefined ? 'yes' : 'no'}`,
    `own_streams=${plan.ownStreams === true ? 'yes' : 'no'}`,
    `packed_by=${shellQuote(oneLine(plan.packedBy ?? ''))}`,
    ...(access.kind === 'token'
      ? [
          'access=token',
          `expires=${access.expiresAt}`,
          `expires_text=${shellQuote(utc(access.expiresAt * 1000))}`,
          `base=${shellQuote(access.baseUrl)}`,
          `token=${shellQuote(access.token)}`,
        ]
      : [
          'access=key',
          'expires=0',
          "expires_text=''",
          "base=''",
          "token=''",
          `authorize_url=${shellQuote(`${access.authorizeUrl.replace(/\/+$/, '')}/b2api/v4/b2_authorize_account`)}`,
        ]),
    ...(access.kind === 'token' ? ["authorize_url=''"] : []),
  ];
  const unpack = plan.decompress === undefined ? 'cat' : plan.decompress.map(shellWord).join(' ');
  return [
    '#!/bin/sh',
    '# shellcheck disable=SC2016 # a $ in a name is a $',
    `# Restores the BackupPC archive ${title}, stored ${utc(plan.storedAt)}.`,
    `# ${plan.volumes.length} volume(s), ${bytes} bytes. Made by ${oneLine(plan.program)} on ${utc(plan.madeAt)}.`,
    expiry,
    '# To use:  sh THIS_FILE --help',
    '',
    ...settings,
    '',
    '# The volumes, in order: number, how many pieces, where it is, its bytes, whether it is encrypted, the bytes inside, name for messages;',
    '# then its pieces: bytes and SHA-1.',
    ...table(
      'plan',
      plan.volumes.flatMap((volume, index) => volumeLines(volume, index + 1, access)),
    ),
    '',
    '# The member index, in the same way.',
    ...table('index_plan', plan.index === undefined ? [] : volumeLines(plan.index, 0, access)),
    '',
    '# The tar from the compressed tar, stdin to stdout.',
    `unpack() { ${unpack}; }`,
    '',
    RESTORE_SCRIPT_BODY.trim(),
    '',
  ].join('\n');
}

/** In the C locale some shells cannot read other characters, so their octets are written as `%C3%BC`. */
function asciiText(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, (others) =>
    Array.from(Buffer.from(others), (octet) => `%${octet.toString(16).toUpperCase()}`).join(''),
  );
}

/** A function of sh that prints the lines. None of them may be PLAN. */
function table(name: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [`${name}() { :; }`];
  return [`${name}() {`, "cat <<'PLAN'", ...lines, 'PLAN', '}'];
}

function volumeLines(volume: ScriptVolume, number: number, access: ScriptAccess): string[] {
  const name = asciiText(oneLine(volume.name));
  const dataBytes = volume.dataBytes ?? '-';
  if (volume.missing === true) return [`missing ${number} 0 - 0 no ${dataBytes} ${name}`];
  const where = access.kind === 'token' ? percentEncode(volume.name) : encodeAll(volume.fileId);
  const bytes = volume.pieces.reduce((sum, piece) => sum + piece.bytes, 0);
  return [
    `volume ${number} ${volume.pieces.length} ${where} ${bytes} ${volume.encrypted ? 'yes' : 'no'} ${dataBytes} ${name}`,
    ...volume.pieces.map((piece) => `${piece.bytes} ${piece.sha1 ?? '-'}`),
  ];
}

/** The server's values go into curl's configuration file. @throws Failure `unavailable` if they do not look like B2's */
function checkAccess(access: ScriptAccess): void {
  const url = access.kind === 'token' ? access.baseUrl : access.authorizeUrl;
  if (access.kind === 'token' && !/^[A-Za-z0-9+/=_.:~-]+$/.test(access.token))
    throw new Failure('unavailable', 'B2 returned a download token with unexpected characters');
  if (!/^https?:\/\/[A-Za-z0-9._~:/?=%@[\]-]+$/.test(url))
    throw new Failure('unavailable', `B2 returned an invalid download URL: ${oneLine(url)}`);
}

function shellWord(word: string): string {
  return /^[A-Za-z0-9_./=-]+$/.test(word) ? word : shellQuote(word);
}

/** As the script compares versions: 2.2.21 is 20221. */
function gpgNumber([major, minor, patch]: readonly [number, number, number]): number {
  return major * 10000 + minor * 100 + patch;
}
