/**
 * Makes text from outside (names of backups and objects, answers of servers and other processes) safe to show. Pure.
 *
 * A terminal obeys control characters, including C1, and marks that change the writing direction make a line look like another.
 */

const CONTROLS = '\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029';
const DIRECTIONS = '\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069';

const UNPRINTABLE = new RegExp(`[${CONTROLS}${DIRECTIONS}]`, 'g');
const UNPRINTABLE_IN_JSON = new RegExp(`[\\u007f-\\u009f\\u2028\\u2029${DIRECTIONS}]`, 'g');
const RUNS_OF_CONTROLS = new RegExp(`[${CONTROLS}]+`, 'g');

/** Replaces each unsafe character with a question mark. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '?');
}

/** The same value as JSON that is harmless on a terminal: escaped, not lost. */
export function printableJson(value: unknown, space?: number): string {
  return JSON.stringify(value ?? null, undefined, space).replace(
    UNPRINTABLE_IN_JSON,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** `text` as one clean line: no control characters, no CR or tab, runs of blanks folded. BackupPC shows it. */
export function oneLine(text: string): string {
  return printable(text.replace(RUNS_OF_CONTROLS, ' ')).replace(/ {2,}/g, ' ').trim();
}
