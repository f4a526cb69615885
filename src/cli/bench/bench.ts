/** `backuppc-b2 bench`: measures this machine and its line, and writes the settings. */
import { PROFILES, type OpenPgpProfile } from '../../openpgp/profile.js';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { codecOf } from '../../compression/codec-choice.js';
import type { Config } from '../../config/schema.js';
import { readApplicationKey } from '../../config/secrets.js';
import { setByHand } from '../../config/section.js';
import { EXIT_STATUS, Failure } from '../../errors.js';
import { openB2 } from '../../b2/open.js';
import { patienceOf, SHORT_PATIENCE } from '../../b2/retry/retry.js';
import { compressionCases, DEFAULT_CODECS, isTooSlow, sealingCases } from '../../tuning/cases.js';
import { choose, waysOf, type Choice, type Findings } from '../../tuning/choice.js';
import type {
  CompressionCase,
  Uplink,
  MachineCase,
  Measured,
  Outcome,
  Reading,
  SealingCase,
} from '../../tuning/figures.js';
import { measureLine } from '../../tuning/uplink.js';
import { measure } from '../../tuning/measure.js';
import { measureReading } from '../../tuning/reading.js';
import { mixedSample, ownSample, type Sample } from '../../tuning/sample.js';
import { checkWritable, readText } from '../../tuning/write-section.js';
import { PROGRAM } from '../../version.js';
import { jsonReport } from './bench-json.js';
import { describeCase, ProgressLine } from './bench-progress.js';
import { textReport, type BenchReport, type LeftOut } from './bench-report.js';
import { fileToWrite, settingsOf, writeSettings } from './bench-write.js';
import type { CatalogContext, ExitStatus } from '../context.js';
import { endpointProbe } from '../run/upload-limit.js';
import { steadyLimit } from '../open-context.js';

export interface BenchOptions {
  readonly sample: string | undefined;
  readonly secondsPerCase: number;
  /** Only these, as `--compress` takes them. */
  readonly codecs: readonly string[] | undefined;
  /** Beside the configured one. */
  readonly profiles: readonly OpenPgpProfile[] | undefined;
  readonly upload: boolean;
  readonly uploadBytes: number;
  /** Sealed bytes per second, where the user knows. */
  readonly lineRate: number | undefined;
  readonly archiveBytes: number;
  readonly pricePerTerabyte: number;
  /** Into this file; true: into the configuration file. */
  readonly write: string | true | undefined;
  readonly force: boolean;
  readonly json: boolean;
}

export interface BenchContext extends CatalogContext {
  readonly config: Config;
  readonly signal: AbortSignal;
}

/** Time for a case of uploads: a connection takes a while to reach its speed. */
const LEAST_UPLOAD_SECONDS = 4;
/** A machine that archives has other work, too. */
const MEMORY_SHARE = 0.5;

export async function bench(context: BenchContext, options: BenchOptions): Promise<ExitStatus> {
  const { config } = context;
  const file = options.write === undefined ? undefined : fileToWrite(options.write, config.file);
  if (file !== undefined) await checkWritable(file);
  const ownCodec = options.force ? undefined : await codecByHand(config);
  const codecs = [...new Set([...(options.codecs ?? DEFAULT_CODECS).map(chosenCodec), ...(ownCodec ?? [])])];
  const run = new Bench(context, options);
  const report = await run.run(
    codecs.filter((codec) => codec !== 'none'),
    ownCodec?.[0],
  );
  context.out.write(options.json ? jsonReport(report) : textReport(report));
  if (file !== undefined && report.choice !== undefined) {
    await writeSettings(context.out, {
      file,
      values: settingsOf(report.choice),
      title: `${new Date(context.clock.now()).toISOString().slice(0, 10)}, ${report.machine}`,
      force: options.force,
    });
  }
  return EXIT_STATUS.ok;
}

class Bench {
  readonly #context: BenchContext;
  readonly #options: BenchOptions;
  readonly #cores = availableParallelism();
  /** Before this program added its own. */
  readonly #load = loadavg()[0] ?? 0;
  readonly #leftOut: LeftOut[] = [];
  readonly #progress = new ProgressLine();
  #done = 0;
  #all = 0;

  constructor(context: BenchContext, options: BenchOptions) {
    this.#context = context;
    this.#options = options;
  }

  async run(codecs: readonly string[], ownCodec: string | undefined): Promise<BenchReport> {
    const { signal, config } = this.#context;
    const { lineRate: toldRate, secondsPerCase, upload } = this.#options;
    const profiles = new Set([...(this.#options.profiles ?? PROFILES), config.openpgp_profile]);
    const sealing = sealingCases(this.#cores, [...profiles]);
    const compression = compressionCases(this.#cores, codecs);
    this.#all = sealing.length + compression.length + 2;
    try {
      const sample = await this.#sample();
      try {
        const reading = await this.#reading();
        const sealed = await this.#each(sealing, sample);
        const compressed = await this.#each(compression, sample);
        const line = upload ? await this.#line() : undefined;
        const findings: Findings = {
          sealing: sealed.filter(
            ({ case: { profile, aead } }) =>
              profile === config.openpgp_profile && (profile !== 'rfc9580' || aead === config.openpgp_aead),
          ),
          compression: compressed,
          reading: reading?.rate,
          lineRate: least([bestRate(line), toldRate, steadyLimit(config)]),
          uploads: line?.uploads ?? [],
          memoryLimitBytes: MEMORY_SHARE * totalmem(),
          codec: ownCodec,
        };
        const choice = choose(findings);
        this.#step('all together');
        const whole = choice === undefined ? undefined : await this.#whole(choice, sample);
        return {
          machine: machineLine(),
          load: this.#load / this.#cores,
          sample: { description: sample.description, bytes: sample.bytes },
          secondsPerCase,
          reading,
          sealing: sealed,
          compression: compressed,
          leftOut: this.#leftOut,
          line,
          lineRate: findings.lineRate,
          ways: waysOf(findings),
          choice,
          whole,
          archiveBytes: this.#options.archiveBytes,
          pricePerTerabyte: this.#options.pricePerTerabyte,
        };
      } finally {
        await sample.remove();
      }
    } finally {
      this.#progress.clear();
      signal.throwIfAborted();
    }
  }

  #step(what: string): void {
    this.#done += 1;
    this.#progress.show(`[${this.#done}/${this.#all}] ${what}`);
  }

  async #sample(): Promise<Sample> {
    const { sample } = this.#options;
    this.#progress.show('a sample of this machine');
    return sample === undefined ? mixedSample(this.#context.signal) : ownSample(sample);
  }

  async #reading(): Promise<Reading | undefined> {
    this.#step('reading');
    const pool = this.#context.config.backuppc_data;
    return measureReading({
      directories: [`${pool}/cpool`, `${pool}/pool`, '/usr/share', '/usr/lib'],
      seconds: 2 * this.#options.secondsPerCase,
      signal: this.#context.signal,
    });
  }

  async #each<C extends SealingCase | CompressionCase>(
    cases: readonly C[],
    sample: Sample,
  ): Promise<Measured<C>[]> {
    const measured: Measured<C>[] = [];
    const slow = new Set<string>();
    for (const one of cases) {
      this.#step(describeCase(one));
      if (one.kind === 'compression' && slow.has(one.codec)) {
        this.#leftOut.push({ what: describeCase(one), reason: 'slow even with more workers' });
        continue;
      }
      const began = performance.now();
      const outcome = await this.#measure(one, sample);
      const tookSeconds = (performance.now() - began) / 1000;
      if (one.kind === 'compression' && isTooSlow(tookSeconds, this.#options.secondsPerCase))
        slow.add(one.codec);
      if (outcome.kind === 'measured') measured.push({ case: one, figure: outcome });
      else this.#leftOut.push({ what: describeCase(one), reason: outcome.reason });
    }
    return measured;
  }

  #measure(one: MachineCase, sample: Sample): Promise<Outcome> {
    const { secondsPerCase: seconds } = this.#options;
    return measure({ case: one, sample: sample.path, seconds }, this.#context.signal);
  }

  /** Measures the chosen settings with everything running at once, and the memory that takes. */
  async #whole({ way, memoryBytes, partBytes }: Choice, sample: Sample): Promise<Outcome> {
    const { openpgp_profile: profile, openpgp_aead: aead } = this.#context.config;
    const { codec, workers } = way;
    return this.#measure({ kind: 'whole', codec, workers, profile, aead, memoryBytes, partBytes }, sample);
  }

  async #line(): Promise<Uplink> {
    const { config, signal } = this.#context;
    const [bucket] = await this.#context.openBuckets();
    if (bucket === undefined) throw new Failure('config', 'there is no bucket to upload to');
    const { keyId, key } = await readApplicationKey(config);
    return measureLine({
      openStore: (connections, until) =>
        openB2({
          endpoint: config.endpoint,
          keyId,
          key: key.reveal(),
          bucket: bucket.name,
          namePrefix: config.prefix,
          needs: ['writeFiles'],
          patience: until === undefined ? SHORT_PATIENCE : patienceOf(config.patience),
          signal: until,
          connections,
          maxConnections: connections,
          userAgent: PROGRAM,
        }),
      probe: endpointProbe(config.endpoint),
      prefix: config.prefix,
      bytes: this.#options.uploadBytes,
      secondsPerCase: Math.min(10, Math.max(LEAST_UPLOAD_SECONDS, this.#options.secondsPerCase)),
      signal,
      progress: (what) => {
        this.#progress.show(what);
      },
    });
  }
}

/** A codec that the user wrote into the configuration file: then it is not chosen here. */
async function codecByHand({ file, compress }: Config): Promise<readonly [string] | undefined> {
  if (file === undefined || compress === undefined) return undefined;
  return setByHand((await readText(file)) ?? '').has('compress') ? [chosenCodec(compress)] : undefined;
}

/** @throws Failure `usage` for a codec or a level that does not exist */
function chosenCodec(override: string): string {
  const choice = codecOf({ compPath: '', compExt: '', override });
  return choice.level === null ? choice.name : `${choice.name}:${choice.level}`;
}

function bestRate(line: Uplink | undefined): number | undefined {
  return line === undefined || line.uploads.length === 0
    ? undefined
    : Math.max(...line.uploads.map(({ rate }) => rate));
}

function least(rates: readonly (number | undefined)[]): number | undefined {
  const known = rates.filter((rate) => rate !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function machineLine(): string {
  const model = cpus()[0]?.model.trim() ?? '';
  return `${availableParallelism()} × ${model === '' ? process.arch : model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
}
