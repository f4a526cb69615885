/** The stack trace of a defect. A bundle provides the mapping back to the sources. */
let map = (stack: string): string => stack;

export function mapStacksWith(mapStack: (stack: string) => string): void {
  map = mapStack;
}

export function stackOf(error: Error): string {
  return map(error.stack ?? error.message);
}
