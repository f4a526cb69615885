import type { Fault, FaultRule } from './fault-rule.js';
import { parseFaultRule } from './fault-text.js';
import { seededRandom, seedOf } from './random.js';

export interface PlantedFault {
  readonly name: string;
  readonly rule: FaultRule;
  /** Requests that matched `on` and `file`. */
  readonly seen: number;
  /** How often it struck. */
  readonly fired: number;
}

/** Requests that wait for the test. */
export interface Hold {
  /** Resolves when the first of them has come. */
  readonly reached: Promise<void>;
  /** Lets all of them go on, and those that are still to come. */
  release(): void;
}

interface Planted {
  readonly name: string;
  readonly rule: FaultRule;
  readonly matches: (operation: string, fileName: string | undefined) => boolean;
  readonly random: () => number;
  readonly struck?: () => void;
  seen: number;
  fired: number;
}

/** The planted faults. Of several rules that would strike the same request, the one planted first does. */
export class Faults {
  readonly #seed: number;
  #planted: Planted[] = [];
  #holds = 0;

  constructor(seed: number, rules: readonly (FaultRule | string)[]) {
    this.#seed = seed;
    for (const rule of rules) this.add(rule);
  }

  /** Plants a rule, also while requests run. A string is read by fault-text.ts. */
  add(given: FaultRule | string, struck?: () => void): PlantedFault {
    const rule = typeof given === 'string' ? parseFaultRule(given) : given;
    const name = rule.name ?? JSON.stringify(rule);
    const planted = {
      name,
      rule,
      matches: matcher(rule),
      random: seededRandom(seedOf(`${name} ${this.#planted.length}`, this.#seed)),
      ...(struck === undefined ? {} : { struck }),
      seen: 0,
      fired: 0,
    };
    this.#planted.push(planted);
    return planted;
  }

  /** Holds the requests of `rule`, default: in the middle of their bodies. A test that needs a moment keeps it so, however fast the machine is. */
  hold({ when = 'body', ...rule }: Omit<FaultRule, 'fault' | 'name'> & { when?: 'body' | 'answer' }): Hold {
    const gate = signal();
    const arrival = signal();
    const name = `hold ${++this.#holds}`;
    this.add({ name, ...rule, fault: { kind: 'stall', when, until: gate.given } }, arrival.give);
    return {
      reached: arrival.given,
      release: () => {
        this.remove(name);
        gate.give();
      },
    };
  }

  remove(name: string): void {
    this.#planted = this.#planted.filter((planted) => planted.name !== name);
  }

  clear(): void {
    this.#planted = [];
  }

  get planted(): readonly PlantedFault[] {
    return this.#planted;
  }

  /** Names of rules that never struck: a test that plants a fault asserts that this is empty. */
  get unfired(): readonly string[] {
    return this.#planted.filter((planted) => planted.fired === 0).map((planted) => planted.name);
  }

  /** How often the rule of this name, or all of them, struck. */
  fired(name?: string): number {
    return this.#planted
      .filter((planted) => name === undefined || planted.name === name)
      .reduce((sum, planted) => sum + planted.fired, 0);
  }

  /** What strikes this request. Every matching rule counts it. */
  strike(operation: string, fileName: string | undefined): { name: string; fault: Fault } | undefined {
    let struck: Planted | undefined;
    for (const planted of this.#planted) {
      if (!planted.matches(operation, fileName)) continue;
      planted.seen += 1;
      if (struck === undefined && due(planted)) struck = planted;
    }
    if (struck === undefined) return undefined;
    struck.fired += 1;
    struck.struck?.();
    return { name: struck.name, fault: struck.rule.fault };
  }
}

interface Signal {
  readonly given: Promise<void>;
  readonly give: () => void;
}

function signal(): Signal {
  let give = (): void => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

function due({ rule, seen, fired, random }: Planted): boolean {
  // Drawn in any case, so that a limit by `times` does not shift later draws.
  const drawn = rule.probability === undefined || random() < rule.probability;
  if (fired >= (rule.times ?? Infinity)) return false;
  const nth = rule.nth === undefined ? undefined : typeof rule.nth === 'number' ? [rule.nth] : rule.nth;
  if (seen < (rule.from ?? 1)) return false;
  return drawn && (nth?.includes(seen) ?? true) && (rule.every === undefined || seen % rule.every === 0);
}

function matcher(rule: FaultRule): Planted['matches'] {
  const operations = (typeof rule.on === 'string' ? [rule.on] : rule.on).map((name) =>
    name === '*' || name.startsWith('b2_') ? name : `b2_${name}`,
  );
  const name = rule.file === undefined ? undefined : glob(rule.file);
  return (operation, fileName) =>
    (operations.includes('*') || operations.includes(operation)) &&
    (name === undefined || (fileName !== undefined && name.test(fileName)));
}

function glob(pattern: string): RegExp {
  return new RegExp(
    `^${pattern
      .split('*')
      .map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
    's',
  );
}
