import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addNamespace, FOLDER_PREFIX, nameOf, removeNamespace } from './namespaces.js';
import { Program, sh, succeeds } from './shell.js';

export { linkProblem } from './problem.js';

export interface LinkOptions {
  /** Upwards, bits per second; without it the link is as fast as the kernel. */
  readonly upBits?: number;
  /** Downwards to each of the two machines. */
  readonly downBits?: number;
  /** Depth of the buffer before the narrow way up, ms. */
  readonly bufferMs?: number;
}

const FATAL_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Four network namespaces: our machine (`near`), somebody else's behind the same modem (`guest`), the modem, and B2 (`far`). The modem's way
 * up is narrow and has a deep buffer, as with cable and DSL. It needs a machine of its own: on the sender's, TCP small queues would keep
 * the buffer empty. Everybody uses CUBIC, or Reno where the kernel lacks it: they fill every buffer. Needs root.
 *
 * Interfaces of the modem: `home0` to near, `guest0` to guest, `line0` to far.
 */
export class NarrowLink {
  readonly folder = mkdtempSync(join(tmpdir(), FOLDER_PREFIX));
  readonly farAddress = '10.77.2.2';
  readonly #near = nameOf('near');
  readonly #guest = nameOf('guest');
  readonly #modem = nameOf('modem');
  readonly #far = nameOf('far');

  /** Also where an error or a signal ends the process. */
  readonly #atExit = (): void => {
    this.remove();
  };
  readonly #atSignal = (): void => {
    process.exit(1);
  };

  constructor(options: LinkOptions) {
    process.once('exit', this.#atExit);
    for (const signal of FATAL_SIGNALS) process.once(signal, this.#atSignal);
    try {
      for (const namespace of this.#namespaces) {
        addNamespace(namespace);
        this.#inside(namespace, 'echo reno >/proc/sys/net/ipv4/tcp_congestion_control');
      }
      this.#cable([this.#near, 'up0', '10.77.1.1/30'], [this.#modem, 'home0', '10.77.1.2/30']);
      this.#cable([this.#guest, 'up0', '10.77.3.1/30'], [this.#modem, 'guest0', '10.77.3.2/30']);
      this.#cable([this.#modem, 'line0', '10.77.2.1/30'], [this.#far, 'down0', `${this.farAddress}/30`]);
      this.#route(this.#near, '10.77.1.2');
      this.#route(this.#guest, '10.77.3.2');
      this.#route(this.#far, '10.77.2.1');
      this.#inside(this.#modem, 'echo 1 >/proc/sys/net/ipv4/ip_forward');
      this.#narrow('line0', options.upBits, options.bufferMs ?? 1000);
      this.#narrow('home0', options.downBits, 100);
      this.#narrow('guest0', options.downBits, 100);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** `program` with its arguments, as started on our machine. */
  near(...args: string[]): string[] {
    return ['ip', 'netns', 'exec', this.#near, ...args];
  }

  /** On somebody else's machine behind the same modem. */
  guest(...args: string[]): string[] {
    return ['ip', 'netns', 'exec', this.#guest, ...args];
  }

  far(...args: string[]): string[] {
    return ['ip', 'netns', 'exec', this.#far, ...args];
  }

  /** See sampler.ts for what it prints. */
  sampler(everyMs: number): Program {
    const script = fileURLToPath(new URL('sampler.js', import.meta.url));
    return new Program(['ip', 'netns', 'exec', this.#modem, process.execPath, script, String(everyMs)]);
  }

  /** Ends everything that runs on the link. */
  remove(): void {
    process.off('exit', this.#atExit);
    for (const signal of FATAL_SIGNALS) process.off(signal, this.#atSignal);
    for (const namespace of this.#namespaces) removeNamespace(namespace);
    rmSync(this.folder, { recursive: true, force: true });
  }

  get #namespaces(): readonly string[] {
    return [this.#near, this.#guest, this.#modem, this.#far];
  }

  #inside(namespace: string, script: string): void {
    sh('ip', 'netns', 'exec', namespace, 'sh', '-c', script);
  }

  /** A namespace may set CUBIC, the usual one, by route only; where the kernel lacks it, Reno stays. */
  #route(namespace: string, via: string): void {
    const route = ['-n', namespace, 'route', 'add', 'default', 'via', via];
    if (!succeeds('ip', ...route, 'congctl', 'cubic')) sh('ip', ...route);
  }

  #cable(one: readonly [string, string, string], other: readonly [string, string, string]): void {
    sh(
      ...(['ip', '-n', one[0], 'link', 'add', one[1], 'type', 'veth'] as const),
      ...['peer', 'name', other[1], 'netns', other[0]],
    );
    for (const [namespace, device, address] of [one, other]) {
      sh('ip', '-n', namespace, 'address', 'add', address, 'dev', device);
      sh('ip', '-n', namespace, 'link', 'set', device, 'up');
    }
  }

  #narrow(device: string, bits: number | undefined, bufferMs: number): void {
    if (bits === undefined) return;
    // Room for what may leave between two ticks of the kernel's clock, and for a full packet.
    const burstBytes = Math.max(3200, Math.round(bits / 8 / 250));
    const bufferBytes = Math.round((bits / 8) * (bufferMs / 1000));
    sh(
      ...(['tc', '-n', this.#modem, 'qdisc', 'add', 'dev', device, 'root', 'tbf'] as const),
      ...['rate', `${Math.round(bits)}bit`, 'burst', `${burstBytes}b`, 'limit', `${bufferBytes}b`],
    );
  }
}
