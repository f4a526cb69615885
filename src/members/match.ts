/** Matches members by paths as `files` prints them, and by globs. Pure. */

export interface Matcher {
  /** @param path octets, as the tar has it */
  matches(path: Uint8Array): boolean;
  /** Patterns that nothing has matched yet. */
  readonly unmatched: readonly string[];
}

/**
 * A pattern names a member; a directory includes everything below it. `*` and `?` stop at a slash, `**` does not, `[…]` is one octet of a
 * set. Backslash escapes are those that `files` prints (`\n`, `\\`, `\374`); before any other character a backslash removes its special meaning.
 * A leading `./` or `/` makes no difference.
 * @param share BackupPC's; the paths of one share may be given with it, those of all shares (`*`) without theirs
 */
export function matcher(patterns: readonly string[], share: string): Matcher {
  const rules = patterns.map((pattern) => ({ pattern, regex: regexOf(pattern), met: false }));
  const shareName = trimmed(Buffer.from(share).toString('latin1'));
  return {
    matches(path) {
      const names = namesOf(trimmed(Buffer.from(path).toString('latin1')), shareName);
      let any = false;
      for (const rule of rules) {
        if (!names.some((name) => rule.regex.test(name))) continue;
        rule.met = true;
        any = true;
      }
      return any;
    },
    get unmatched() {
      return rules.filter(({ met }) => !met).map(({ pattern }) => pattern);
    },
  };
}

function namesOf(path: string, share: string): string[] {
  if (share !== '*') return share === '' ? [path] : [path, `${share}/${path}`];
  const slash = path.indexOf('/');
  return slash === -1 ? [path] : [path, path.slice(slash + 1)];
}

/** Without a leading `./`, outer slashes and double slashes. */
function trimmed(path: string): string {
  return path
    .replace(/\/+(\.?\/+)*/g, '/')
    .replace(/^(\.?\/)+/, '')
    .replace(/\/$/, '');
}

/** Octets as characters of Latin-1. */
function regexOf(pattern: string): RegExp {
  const octets = trimmed(Buffer.from(pattern).toString('latin1'));
  let source = '';
  for (let at = 0; at < octets.length;) {
    const [taken, piece] = pieceAt(octets.slice(at));
    source += piece;
    at += taken;
  }
  // `.` alone is the whole tree.
  const below = octets === '' || octets === '.' ? '' : '(?:/.*)?';
  return new RegExp(`^${octets === '.' ? '.*' : source || '.*'}${below}$`, 's');
}

const LETTERS: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };
/** One UTF-8 character, or an invalid octet. */
const ANY = '(?:[\\xc2-\\xf4][\\x80-\\xbf]+|[^/])';

function pieceAt(rest: string): [taken: number, source: string] {
  const octal = /^\\([0-7]{3})/.exec(rest);
  if (octal !== null) return [4, literal(String.fromCharCode(parseInt(octal[1] ?? '', 8) & 0xff))];
  const [first = '', second = ''] = rest;
  if (first === '\\' && second !== '') return [2, literal(LETTERS[second] ?? second)];
  if (rest.startsWith('**')) return [2, '.*'];
  if (first === '*') return [1, '[^/]*'];
  if (first === '?') return [1, ANY];
  const set = /^\[([!^]?)(\]?[^\]]*)\]/.exec(rest);
  if (set !== null) {
    const [whole, not = '', members = ''] = set;
    return [whole.length, `(?!/)[${not === '' ? '' : '^'}${members.replace(/[\\\]^[]/g, '\\$&')}]`];
  }
  return [1, literal(first)];
}

function literal(character: string): string {
  return character.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
