import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Program, sh, succeeds } from './shell.js';

export interface LinkOptions {
  /** Upwards, bits per second; without it the link is as fast as the kernel. */
  readonly upBits?: number;
  readonly downBits?: number;
  /** Depth of the buffer before the narrow direction, ms. */
  readonly bufferMs?: number;
}

/** Why no link can be built here; undefined when one can. */
export function linkProblem(): string | undefined {
  if (process.getuid?.() !== 0) return 'root is needed for network namespaces';
  for (const program of ['ip', 'tc', 'openssl', 'curl']) {
    if (!succeeds('sh', '-c', `command -v ${program}`))
      return `${program} is missing (Debian: iproute2, openssl, curl)`;
  }
  const name = `b2probe-${process.pid}`;
  try {
    sh('ip', 'netns', 'add', name);
    sh('ip', '-n', name, 'link', 'add', 'b2a', 'type', 'veth', 'peer', 'name', 'b2b');
    sh(
      'tc',
      '-n',
      name,
      'qdisc',
      'add',
      'dev',
      'b2a',
      'root',
      'tbf',
      'rate',
      '8mbit',
      'burst',
      '5kb',
      'latency',
      '1s',
    );
  } catch (error) {
    return `this kernel has no network namespaces, veth or tbf: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    succeeds('ip', 'netns', 'del', name);
  }
  return undefined;
}

/**
 * Two network namespaces and a cable: the user's network (`near`) and B2's (`far`), with a narrow, deep-buffered way up, as cable and
 * DSL lines are. Needs root.
 */
export class NarrowLink {
  readonly folder = mkdtempSync(join(tmpdir(), 'narrow-link-'));
  readonly farAddress = '10.77.0.2';
  readonly #near = `b2near-${process.pid}`;
  readonly #far = `b2far-${process.pid}`;

  constructor(options: LinkOptions) {
    try {
      sh('ip', 'netns', 'add', this.#near);
      sh('ip', 'netns', 'add', this.#far);
      sh(
        'ip',
        '-n',
        this.#near,
        'link',
        'add',
        'up0',
        'type',
        'veth',
        'peer',
        'name',
        'down0',
        'netns',
        this.#far,
      );
      for (const [namespace, device, address] of [
        [this.#near, 'up0', '10.77.0.1/30'],
        [this.#far, 'down0', `${this.farAddress}/30`],
      ] as const) {
        sh('ip', '-n', namespace, 'address', 'add', address, 'dev', device);
        sh('ip', '-n', namespace, 'link', 'set', device, 'up');
        sh('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
      }
      this.#narrow(this.#near, 'up0', options.upBits, options.bufferMs);
      this.#narrow(this.#far, 'down0', options.downBits, 100);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** `program` with its arguments, as seen from one end. */
  near(...args: string[]): string[] {
    return ['ip', 'netns', 'exec', this.#near, ...args];
  }

  far(...args: string[]): string[] {
    return ['ip', 'netns', 'exec', this.#far, ...args];
  }

  /** Bytes that have left through the narrow direction, with all headers. */
  sampler(everyMs: number): Program {
    return new Program(
      this.near(process.execPath, new URL('sampler.js', import.meta.url).pathname, 'up0', String(everyMs)),
    );
  }

  remove(): void {
    for (const namespace of [this.#near, this.#far]) succeeds('ip', 'netns', 'del', namespace);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #narrow(namespace: string, device: string, bits: number | undefined, bufferMs = 1000): void {
    if (bits === undefined) return;
    const burst = Math.max(3200, Math.round(bits / 8 / 250));
    sh(
      ...(['tc', '-n', namespace, 'qdisc', 'add', 'dev', device, 'root', 'tbf'] as const),
      ...[
        'rate',
        `${Math.round(bits)}bit`,
        'burst',
        `${burst}b`,
        'limit',
        `${Math.round((bits / 8) * (bufferMs / 1000))}b`,
      ],
    );
  }
}
