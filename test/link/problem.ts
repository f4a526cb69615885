import { needPrograms, skipped, type Program } from '../support/debian.js';
import { addNamespace, nameOf, removeNamespace, sweep } from './namespaces.js';
import { sh } from './shell.js';

/** `tc` and `ip` are both of iproute2. */
const PROGRAMS: readonly Program[] = [
  { package: 'iproute2', check: ['sh', '-c', 'ip -V && tc -V'] },
  { package: 'openssl', check: ['openssl', 'version'] },
  { package: 'curl', check: ['curl', '--version'] },
];

/**
 * Why no narrow link can be built here, undefined when one can. As root, programs that are missing are installed first.
 *
 * @throws with CI=true, where nothing may be skipped.
 */
export function linkProblem(): string | undefined {
  if (process.getuid?.() !== 0) return skipped('root is needed for network namespaces');
  const missing = needPrograms(PROGRAMS);
  if (missing !== false) return missing;
  sweep();
  const name = nameOf('probe');
  try {
    addNamespace(name);
    sh('ip', '-n', name, 'link', 'add', 'b2a', 'type', 'veth', 'peer', 'name', 'b2b');
    sh(
      ...(['tc', '-n', name, 'qdisc', 'add', 'dev', 'b2a', 'root', 'tbf'] as const),
      ...['rate', '8mbit', 'burst', '5kb', 'latency', '1s'],
    );
    sh('ip', 'netns', 'exec', name, 'cat', '/sys/class/net/b2a/statistics/tx_bytes');
    return undefined;
  } catch (error) {
    const reason = `no network namespaces, veth or tbf here: ${error instanceof Error ? error.message : String(error)}`;
    return skipped(reason);
  } finally {
    removeNamespace(name);
  }
}
