/** The stack of a defect, for whoever mends it. A bundle tells how its places are mapped back to the sources. */
let map = (stack: string): string => stack;

export function mapStacksWith(mapStack: (stack: string) => string): void {
  map = mapStack;
}

export function stackOf(error: Error): string {
  return map(error.stack ?? error.message);
}
