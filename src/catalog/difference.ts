/**
 * Where one JSON value differs from another that may have more fields: each field and element of the first must be in the second with the
 * same value. Pure.
 * @returns the first path that differs, as in `volumes.3.name`; undefined where there is none
 */
export function difference(said: unknown, truth: unknown): string | undefined {
  const path = firstDifference(said, truth);
  return path === undefined ? undefined : path.length === 0 ? 'everything' : path.join('.');
}

function firstDifference(said: unknown, truth: unknown): string[] | undefined {
  if (typeof said !== 'object' || said === null) return said === truth ? undefined : [];
  if (typeof truth !== 'object' || truth === null || Array.isArray(said) !== Array.isArray(truth)) return [];
  if (Array.isArray(said) && said.length !== (truth as readonly unknown[]).length) return ['length'];
  for (const [key, value] of Object.entries(said)) {
    const other: unknown = Object.hasOwn(truth, key) ? (truth as Record<string, unknown>)[key] : undefined;
    const below = firstDifference(value, other);
    if (below !== undefined) return [key, ...below];
  }
  return undefined;
}
