/** The root of the bundle: starts one of the three programs. */
import { mapStacksWith } from '../stack.js';

const PROGRAMS: Readonly<Record<string, () => Promise<unknown>>> = {
  'archive-host': () => import('../archive-host.js'),
  manager: () => import('../manager.js'),
  'backup-manager': () => import('../backup-manager.js'),
};

export function start(program: string, mapStack: (stack: string) => string): void {
  mapStacksWith(mapStack);
  void PROGRAMS[program]?.();
}
