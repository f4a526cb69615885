import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NarrowLink } from './link.js';
import { Program, sh } from './shell.js';
import { samplesOf } from './trace.js';
import type { Sample } from './trace.js';

interface FarSide {
  readonly url: string;
  readonly keyId: string;
  readonly key: string;
  readonly rival: string;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Everything that runs on the two ends of a link: our B2 server, the program, its rivals, and who measures. */
export class Site {
  readonly #link: NarrowLink;
  readonly #far: FarSide;
  readonly #server: Program;
  readonly #programs: Program[] = [];
  #archives = 0;

  static async open(link: NarrowLink): Promise<Site> {
    const certificate = join(link.folder, 'certificate.pem');
    const key = join(link.folder, 'key.pem');
    sh(
      ...([
        'openssl',
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ] as const),
      ...[
        '-subj',
        `/CN=${link.farAddress}`,
        '-addext',
        `subjectAltName=IP:${link.farAddress}`,
        '-keyout',
        key,
        '-out',
        certificate,
      ],
    );
    const server = new Program(link.far(process.execPath, here('far.js'), link.farAddress, certificate, key));
    return new Site(link, JSON.parse(await server.line(/^\{/)) as FarSide, server);
  }

  constructor(link: NarrowLink, far: FarSide, server: Program) {
    this.#link = link;
    this.#far = far;
    this.#server = server;
    writeFileSync(join(link.folder, 'passphrase'), 'correct horse\n', { mode: 0o600 });
  }

  get #environment(): Record<string, string> {
    return {
      B2_APPLICATION_KEY_ID: this.#far.keyId,
      B2_APPLICATION_KEY: this.#far.key,
      NODE_EXTRA_CA_CERTS: join(this.#link.folder, 'certificate.pem'),
      TMPDIR: this.#link.folder,
    };
  }

  /** The real door, archiving zeros without end. */
  archive(...flags: string[]): Program {
    this.#archives += 1;
    const state = join(this.#link.folder, `state-${this.#archives}`);
    mkdirSync(state);
    return this.#keep(
      new Program(
        this.#link.near(
          ...[
            process.execPath,
            here('../../src/manager.js'),
            'archive',
            '--host',
            'web',
            '--number',
            String(this.#archives),
          ],
          ...['--endpoint', this.#far.url, '--bucket', 'bucket', '--state-dir', state, '--compress', 'none'],
          ...['--passphrase-file', join(this.#link.folder, 'passphrase'), ...flags, '--', 'cat', '/dev/zero'],
        ),
        this.#environment,
      ),
    );
  }

  /** `backuppc-b2 bwlimit …` for the archive that runs. */
  bwlimit(...args: string[]): Program {
    return this.#keep(
      new Program(
        this.#link.near(process.execPath, here('../../src/manager.js'), 'bwlimit', ...args),
        this.#environment,
      ),
    );
  }

  /**
   * rclone with a like job: a file of so many bytes in one request. Under a limit its `rcat` would first read a part at that rate, and send
   * nothing meanwhile.
   */
  rclone(limit: string, bytes: number, ...flags: string[]): Program {
    const config = join(this.#link.folder, 'rclone.conf');
    const certificate = join(this.#link.folder, 'certificate.pem');
    const source = join(this.#link.folder, 'zeros');
    writeFileSync(
      config,
      `[b2]\ntype = b2\naccount = ${this.#far.keyId}\nkey = ${this.#far.key}\nendpoint = ${this.#far.url}\n`,
    );
    writeFileSync(source, '');
    truncateSync(source, bytes);
    this.#archives += 1;
    return this.#keep(
      new Program(
        this.#link.near(
          ...['rclone', '--config', config, '--ca-cert', certificate, '--bwlimit', limit, ...flags],
          ...['--b2-upload-cutoff', '4G', '--retries', '1'],
          ...['copyto', source, `b2:bucket/rclone-${this.#archives}`],
        ),
      ),
    );
  }

  /** A remote command for the rclone that runs, which must have been started with `--rc`. */
  rcloneRemote(...args: string[]): Program {
    return this.#keep(new Program(this.#link.near('rclone', 'rc', ...args)));
  }

  /** Another user's upload: a greedy TCP. */
  rivalUpload(): Program {
    const command = `exec curl -sS -T - -H Expect: ${this.#far.rival}/put </dev/zero`;
    return this.#keep(new Program(this.#link.guest('sh', '-c', command)));
  }

  /** Another user's download, whose acknowledgements go up. */
  rivalDownload(): Program {
    return this.#keep(
      new Program(this.#link.guest('curl', '-sS', '-o', '/dev/null', `${this.#far.rival}/stream`)),
    );
  }

  /** Bytes of rival uploads that have arrived, as the far side counts them: the question does not use the link. */
  get rivalBytes(): Sample[] {
    return samplesOf(this.#server.lines.slice(1));
  }

  /** What the other user's round trips are, ten times a second. */
  delay(): Program {
    const { port } = new URL(this.#far.rival);
    return this.#keep(
      new Program(this.#link.guest(process.execPath, here('delay.js'), this.#link.farAddress, port)),
    );
  }

  sampler(everyMs: number): Program {
    return this.#keep(this.#link.sampler(everyMs));
  }

  async close(): Promise<void> {
    const { end, lines } = this.#server;
    await Promise.all([...this.#programs, this.#server].map((program) => program.stop('SIGKILL')));
    // Whatever a scene has seen of a far side that was not there is worth nothing.
    if (end !== undefined)
      throw new Error(`the far side ended by itself (${end}): ${lines.slice(1).join('\n')}`);
  }

  #keep(program: Program): Program {
    this.#programs.push(program);
    return program;
  }
}
