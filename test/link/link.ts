import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Program, sh, succeeds } from './shell.js';

export interface LinkOptions {
  /** Upwards, bits per second; without it the link is as fast as the kernel. */
  readonly upBits?: number;
  readonly downBits?: number;
  /** Depth of the buffer before the narrow direction, ms. */
  readonly bufferMs?: number;
  /** What all senders use. `loss` is CUBIC, or Reno where the kernel does not allow that: they fill every buffer. Default: loss. */
  readonly congestionControl?: 'loss' | 'bbr';
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
 * Three network namespaces in a row: the user's machine (`near`), his modem, and B2 (`far`). The modem's way up is narrow and has a deep
 * buffer, as with cable and DSL. It needs a machine of its own: on the sender's, TCP small queues would keep the buffer empty.
 * Needs root.
 */
export class NarrowLink {
  readonly folder = mkdtempSync(join(tmpdir(), 'narrow-link-'));
  readonly farAddress = '10.77.2.2';
  readonly #near = `b2near-${process.pid}`;
  readonly #modem = `b2modem-${process.pid}`;
  readonly #far = `b2far-${process.pid}`;

  /** Also where an error ends the process. */
  readonly #atExit = (): void => {
    this.remove();
  };

  constructor(options: LinkOptions) {
    process.once('exit', this.#atExit);
    try {
      for (const namespace of [this.#near, this.#modem, this.#far]) {
        sh('ip', 'netns', 'add', namespace);
        sh('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
        this.#congestionControl(namespace, options.congestionControl ?? 'loss');
      }
      this.#cable([this.#near, 'up0', '10.77.1.1/30'], [this.#modem, 'home0', '10.77.1.2/30']);
      this.#cable([this.#modem, 'line0', '10.77.2.1/30'], [this.#far, 'down0', `${this.farAddress}/30`]);
      sh('ip', '-n', this.#near, 'route', 'add', 'default', 'via', '10.77.1.2');
      sh('ip', '-n', this.#far, 'route', 'add', 'default', 'via', '10.77.2.1');
      this.#set(this.#modem, 'ipv4/ip_forward', '1');
      this.#narrow('line0', options.upBits, options.bufferMs ?? 1000);
      this.#narrow('home0', options.downBits, 100);
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
    const script = fileURLToPath(new URL('sampler.js', import.meta.url));
    return new Program([
      'ip',
      'netns',
      'exec',
      this.#modem,
      process.execPath,
      script,
      'line0',
      String(everyMs),
    ]);
  }

  remove(): void {
    process.off('exit', this.#atExit);
    for (const namespace of [this.#near, this.#modem, this.#far]) succeeds('ip', 'netns', 'del', namespace);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #cable(one: readonly [string, string, string], other: readonly [string, string, string]): void {
    sh(
      'ip',
      '-n',
      one[0],
      'link',
      'add',
      one[1],
      'type',
      'veth',
      'peer',
      'name',
      other[1],
      'netns',
      other[0],
    );
    for (const [namespace, device, address] of [one, other]) {
      sh('ip', '-n', namespace, 'address', 'add', address, 'dev', device);
      sh('ip', '-n', namespace, 'link', 'set', device, 'up');
    }
  }

  #congestionControl(namespace: string, wanted: 'loss' | 'bbr'): void {
    const names = wanted === 'loss' ? ['cubic', 'reno'] : ['bbr'];
    const command = names
      .map((name) => `echo ${name} 2>/dev/null > /proc/sys/net/ipv4/tcp_congestion_control`)
      .join(' || ');
    sh('ip', 'netns', 'exec', namespace, 'sh', '-c', command);
  }

  #set(namespace: string, key: string, value: string): void {
    sh('ip', 'netns', 'exec', namespace, 'sh', '-c', `echo ${value} > /proc/sys/net/${key}`);
  }

  #narrow(device: string, bits: number | undefined, bufferMs: number): void {
    if (bits === undefined) return;
    const burst = Math.max(3200, Math.round(bits / 8 / 250));
    sh(
      ...(['tc', '-n', this.#modem, 'qdisc', 'add', 'dev', device, 'root', 'tbf'] as const),
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
