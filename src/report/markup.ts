/** HTML templates that escape their values. Pure. */

import { printable } from '../printable.js';

/** Markup, as opposed to text. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Markup | readonly Part[] | undefined;

/** A template whose values are escaped, and made printable, unless they are markup; lists are joined, undefined is omitted. */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Markup {
  return new Markup(strings.reduce((text, string, index) => text + written(values[index - 1]) + string));
}

function written(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') return part.map(written).join('');
  return printable(String(part)).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
