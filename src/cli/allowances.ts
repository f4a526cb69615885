/** The options by which the owner takes what is not proven, or not encrypted. */
import type { Allowances } from './admit.js';

export const ALLOW_UNPROVEN = [
  '--allow-unproven',
  'also what nothing here proves to be what was archived',
] as const;
export const ALLOW_UNENCRYPTED = [
  '--allow-unencrypted',
  'also what is not encrypted, although keys are configured',
] as const;

export interface AllowanceFlags {
  readonly allowUnproven?: boolean;
  readonly allowUnencrypted?: boolean;
}

export function allowancesOf({ allowUnproven, allowUnencrypted }: AllowanceFlags): Allowances {
  return { unproven: allowUnproven, unencrypted: allowUnencrypted };
}
