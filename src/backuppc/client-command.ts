/** `$Conf{ArchiveClientCmd}` as it stands in a `config.pl` or `HOST.pl`. Text in, facts out. Pure. */

/** What BackupPC makes of it. A Perl list it fills in once, for the first host of a request, and runs the same for the others. */
export type ClientCommand =
  | { readonly kind: 'text'; readonly words: readonly string[] }
  | { readonly kind: 'list'; readonly words: readonly string[] }
  /** It takes Perl to know it. */
  | { readonly kind: 'unknown' };

/** The last assignment; undefined where there is none. */
export function clientCommand(text: string): ClientCommand | undefined {
  const assignments = [...text.matchAll(/^[ \t]*\$Conf\{\s*['"]?ArchiveClientCmd['"]?\s*\}\s*=/gm)];
  const last = assignments.at(-1);
  if (last === undefined) return undefined;
  const value = text.slice(last.index + last[0].length).trimStart();
  const isList = value.startsWith('[');
  const strings: string[] = [];
  let rest = isList ? value.slice(1) : value;
  for (;;) {
    // A string, and what joins it to the next one.
    const found = /^\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\$@]|\\.)*)")\s*([.,\];]|$)/s.exec(rest);
    if (found === null) {
      if (isList && /^\s*\]/.test(rest)) break;
      return { kind: 'unknown' };
    }
    strings.push((found[1] ?? found[2] ?? '').replace(/\\(.)/gs, '$1'));
    rest = rest.slice(found[0].length);
    if (found[3] === ';' || found[3] === ']' || found[3] === '') break;
  }
  if (isList) return { kind: 'list', words: strings };
  return { kind: 'text', words: strings.join('').split(/\s+/).filter(Boolean) };
}

/** Whether the `hosts` file of BackupPC has this host: name, then blanks. */
export function hasHost(hostsText: string, host: string): boolean {
  return hostsText
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .some((line) => line.split(/\s+/)[0]?.toLowerCase() === host.toLowerCase());
}
