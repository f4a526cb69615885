/** What `bench` is doing at the moment. */
import type { MachineCase } from '../../tuning/figures.js';

/** One line that changes, on a terminal only. */
export class ProgressLine {
  #shown = false;

  show(text: string): void {
    if (!process.stderr.isTTY) return;
    process.stderr.write(`\r\u001b[K${text}`);
    this.#shown = true;
  }

  clear(): void {
    if (this.#shown) process.stderr.write('\r\u001b[K');
  }
}

export function describeCase(one: MachineCase): string {
  const workers = `${one.workers} worker${one.workers === 1 ? '' : 's'}`;
  switch (one.kind) {
    case 'sealing':
      return `sealing ${one.profile}${one.profile === 'rfc9580' ? ` ${one.aead}` : ''}, ${workers}`;
    case 'compression':
      return `compression ${one.codec}, ${workers}`;
    case 'whole':
      return `all together, ${one.codec}, ${workers}`;
  }
}
