import type { Faults } from './faults.js';
import type { Service } from './service.js';

/** What the answers need beside the account itself. */
export interface Site {
  readonly service: Service;
  readonly faults: Faults;
  /** Large files that can take no more parts. */
  readonly fullVaults: Set<string>;
  /** Of each answer, in ms; a connection's first answer takes it twice. */
  readonly latencyMs: number;
  readonly scheme: 'http' | 'https';
}
