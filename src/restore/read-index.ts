/** Reads an archive's member index, line by line. */
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Volume } from '../catalog/archive.js';
import { errorCode, Failure } from '../errors.js';
import { parseIndexLine, type IndexLine, type IndexMember } from '../members/index-text.js';
import type { ArchiveReader, ReadOptions } from './reader.js';

/** No valid path is longer, even with every octet escaped. */
const MOST_LINE_CHARACTERS = 1024 * 1024;

/**
 * @param index as `memberIndexOf` finds it
 * @throws Failure `damaged` when it does not authenticate, is no index, or ends before its last line
 */
export async function* indexLines(
  reader: ArchiveReader,
  index: Volume,
  options: ReadOptions,
): AsyncGenerator<IndexLine, void, undefined> {
  const damaged = (what: string): Failure =>
    new Failure('damaged', `${index.name}: ${what}`, {
      hint: 'the archive itself can be read without its index: restore all of it',
    });
  let members = 0;
  let ended = false;
  let lineNumber = 0;
  for await (const text of linesOf(textOf(reader, index, options), damaged)) {
    lineNumber += 1;
    const line = parseIndexLine(text);
    if (line === undefined || ended) throw damaged(`line ${lineNumber} is not a line of a member index`);
    if (line.kind === 'member') members += 1;
    if (line.kind === 'end') {
      ended = true;
      if (line.members !== members)
        throw damaged(`${members} members where its last line counts ${line.members}`);
    }
    yield line;
  }
  if (!ended) throw damaged('ends before its last line');
}

export async function* membersOf(
  lines: AsyncIterable<IndexLine>,
): AsyncGenerator<IndexMember, void, undefined> {
  for await (const line of lines) if (line.kind === 'member') yield line;
}

async function* textOf(reader: ArchiveReader, index: Volume, options: ReadOptions): AsyncGenerator<string> {
  const opened = async function* (): AsyncGenerator<Uint8Array> {
    // Copied, because pieces are only valid until the next one, and the stream reads ahead.
    for await (const { bytes } of reader.read([index], options)) yield Uint8Array.from(bytes);
  };
  const packed = Readable.from(opened(), { objectMode: true });
  const plain = createGunzip();
  packed.on('error', (error) => plain.destroy(error));
  packed.pipe(plain);
  const decoder = new TextDecoder();
  try {
    for await (const bytes of plain as AsyncIterable<Buffer>) yield decoder.decode(bytes, { stream: true });
  } catch (error) {
    if (error instanceof Failure) throw error;
    const code = errorCode(error) ?? '';
    if (!code.startsWith('Z_')) throw error;
    throw new Failure('damaged', `${index.name}: its content is not gzip (${code})`, { cause: error });
  } finally {
    packed.destroy();
    plain.destroy();
  }
}

async function* linesOf(
  texts: AsyncIterable<string>,
  damaged: (what: string) => Failure,
): AsyncGenerator<string> {
  let rest = '';
  for await (const text of texts) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MOST_LINE_CHARACTERS) throw damaged('a line that does not end');
    yield* lines;
  }
  if (rest !== '') throw damaged('ends in the middle of a line');
}
