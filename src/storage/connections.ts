import type { TroubleKind } from './retry.js';
import { ConnectionSlots } from './connection-slots.js';

/** interim */
export class Connections {
  readonly slots: ConnectionSlots;
  constructor(count: number) { this.slots = new ConnectionSlots(count); }
  take(again: boolean, signal?: AbortSignal): Promise<() => void> { return this.slots.take(again, signal); }
  note(_kind: TroubleKind): void { /* interim */ }
  accepted(_bytes: number): void { /* interim */ }
}
