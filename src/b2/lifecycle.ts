/** The bucket's lifecycle rules. Pure. */

export interface LifecycleRule {
  readonly fileNamePrefix: string;
  readonly daysFromUploadingToHiding: number | null;
  readonly daysFromHidingToDeleting: number | null;
  readonly daysFromStartingToCancelingUnfinishedLargeFiles?: number | null;
}

export interface WantedRules {
  /** `there`: nothing to change. `overlap`: rules for prefixes are in the way, since B2 refuses overlapping ones. */
  readonly state: 'there' | 'changed' | 'overlap';
  readonly rules: readonly LifecycleRule[];
}

/** `rules` with one that cancels unfinished large files after `days`. An existing one of the bucket's owner stays as it is. */
export function withCancelRule(rules: readonly LifecycleRule[], days: number | undefined): WantedRules {
  if (days === undefined) return { state: 'there', rules };
  const general = rules.find((rule) => rule.fileNamePrefix === '');
  if (general === undefined && rules.length > 0) return { state: 'overlap', rules };
  if (typeof general?.daysFromStartingToCancelingUnfinishedLargeFiles === 'number')
    return { state: 'there', rules };
  const base = general ?? {
    fileNamePrefix: '',
    daysFromUploadingToHiding: null,
    daysFromHidingToDeleting: null,
  };
  return { state: 'changed', rules: [{ ...base, daysFromStartingToCancelingUnfinishedLargeFiles: days }] };
}

/** A rule as B2 lists it; what this program does not know stays in it. */
export function readRule(fields: Readonly<Record<string, unknown>>): LifecycleRule {
  const days = (name: string) => (typeof fields[name] === 'number' ? fields[name] : null);
  return {
    ...fields,
    fileNamePrefix: typeof fields['fileNamePrefix'] === 'string' ? fields['fileNamePrefix'] : '',
    daysFromUploadingToHiding: days('daysFromUploadingToHiding'),
    daysFromHidingToDeleting: days('daysFromHidingToDeleting'),
    daysFromStartingToCancelingUnfinishedLargeFiles: days('daysFromStartingToCancelingUnfinishedLargeFiles'),
  };
}
