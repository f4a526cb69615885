/** Schemas of the fields that the files of the state directory share. */
import * as v from 'valibot';

export const text = v.string();
export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
export const hex = v.pipe(text, v.regex(/^[0-9a-f]*$/));
export const hexOf = (digits: number) => v.pipe(hex, v.length(digits));
export const shapingOptions = v.record(text, v.union([text, v.number(), v.boolean()]));
