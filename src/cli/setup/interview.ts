/** Setup's questions, in their order. Each answer is checked when it is given; one that will not do is asked for again, with the reason. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { AccountFacts } from '../../b2/account-facts.js';
import type { Config } from '../../config/schema.js';
import { readPassphrases } from '../../config/secrets.js';
import type { RawSettings } from '../../config/settings-text.js';
import { Failure } from '../../errors.js';
import {
  checkBucket,
  checked,
  checkKey,
  checkKeyId,
  checkLimit,
  checkNewPassphrase,
  checkPath,
  type Checked,
} from './answers.js';
import {
  ASKED,
  has,
  KEY_SOURCES,
  LIMITS,
  merged,
  only,
  READERS,
  texts,
  whereIsKey,
  whoReads,
  without,
} from './given.js';
import type { Draft } from './given.js';
import { exists } from './place.js';
import type { Choice, Prompts } from './prompts.js';

export interface InterviewTools {
  readonly prompts: Prompts;
  /** @throws Failure `config` */
  readonly configOf: (settings: RawSettings) => Config;
  /** undefined: B2 is not asked. */
  readonly login: ((config: Config) => Promise<AccountFacts>) | undefined;
  /** @returns key IDs. @throws Failure `config` naming the first key that cannot be used */
  readonly keyIds: (recipients: readonly string[]) => Promise<string[]>;
}

export interface InterviewFacts {
  /** By flags and environment: not asked for. */
  readonly given: RawSettings;
  /** Of the configuration that is replaced: offered. */
  readonly former: RawSettings;
  /** The configuration, which may hold secrets. */
  readonly file: string;
  /** Offered where there was none. */
  readonly passphraseFile: string;
}

export interface Interviewed {
  readonly settings: Draft;
  /** What B2 said of the key, which has been judged. undefined if it was not asked. */
  readonly account: AccountFacts | undefined;
  /** Typed, for a passphrase file that is not there yet. */
  readonly passphrase: string | undefined;
}

type WhoReads = 'before' | 'passphrase' | 'recipient';

/** Changes nothing. @throws Failure `interrupted`; or where no other answer would help */
export async function interview(tools: InterviewTools, facts: InterviewFacts): Promise<Interviewed> {
  const { prompts } = tools;
  const { given, former } = facts;
  let settings = merged(former, given);
  const asks = (...names: Parameters<typeof has>[1]): boolean => !has(given, names);

  const keyed = await askKey(tools, facts, settings);
  settings = keyed.settings;
  if (asks('bucket')) settings = await askBucket(tools, settings, keyed.account);
  const readers = asks(...READERS) ? await askReaders(tools, facts, settings) : undefined;
  settings = readers?.settings ?? settings;
  if (asks(...LIMITS) && settings.bwlimit_file === undefined) {
    const limit = await answer(
      prompts,
      (again) =>
        prompts.text(
          'Upload limit: 8Mbit, auto, or a timetable (empty: none)',
          again ?? texts(settings.bwlimit)[0],
        ),
      checkLimit,
    );
    settings = without(settings, ['bwlimit']);
    if (limit !== undefined) {
      prompts.say(limit.shown);
      settings.bwlimit = limit.spec;
    }
  }
  if (asks('reuse')) {
    const before = has(settings, ['reuse']) ? tools.configOf(settings).reuse : true;
    settings.reuse = await prompts.yes('Send only what changed since the last archive of a host?', before);
  }
  const kept = Object.keys(without(former, [...ASKED, ...Object.keys(given)] as typeof ASKED));
  if (kept.length > 0) prompts.say(`as before: ${kept.join(', ')}`);
  return { settings, account: keyed.account, passphrase: readers?.passphrase };
}

/** Asks until the answer will do. @param ask gets the answer that would not, to be edited */
async function answer<T>(
  prompts: Prompts,
  ask: (again: string | undefined) => Promise<string>,
  check: (text: string) => Checked<T> | Promise<Checked<T>>,
): Promise<T> {
  let again: string | undefined;
  for (;;) {
    again = await ask(again);
    const judged = await check(again);
    if (judged.ok) return judged.value;
    prompts.refuse(judged.reason);
  }
}

/** Key ID and key are one answer: only B2 knows whether they belong together. */
async function askKey(
  { prompts, configOf, login }: InterviewTools,
  { given, file }: InterviewFacts,
  before: Draft,
): Promise<{ settings: Draft; account: AccountFacts | undefined }> {
  const [asksId, asksKey] = [!has(given, ['key_id']), !has(given, KEY_SOURCES)];
  if (!asksId && !asksKey) {
    const config = configOf(before);
    const account = await login?.(config);
    const judged = account === undefined ? undefined : checkKey(account, config);
    if (judged?.ok === false) throw new Failure('config', judged.reason);
    return { settings: before, account };
  }
  const place = whereIsKey(before, file);
  let settings = before;
  for (;;) {
    if (asksId) {
      const offered = texts(settings.key_id)[0];
      const id = await answer(
        prompts,
        (again) => prompts.text('Application key ID', again ?? offered),
        checkKeyId,
      );
      settings = { ...settings, key_id: id };
    }
    if (asksKey) {
      const question =
        place === undefined ? 'Application key' : `Application key (Enter keeps the one ${place})`;
      const typed = await prompts.secret(question);
      const source = typed === '' ? only(before, KEY_SOURCES) : { application_key: typed };
      settings = { ...without(settings, KEY_SOURCES), ...source };
    }
    const judged = await tryKey(settings, configOf, login);
    if (judged.ok) {
      if (judged.value !== undefined) prompts.say('B2 accepts the key');
      return { settings, account: judged.value };
    }
    prompts.refuse(judged.reason);
  }
}

async function tryKey(
  settings: Draft,
  configOf: InterviewTools['configOf'],
  login: InterviewTools['login'],
): Promise<Checked<AccountFacts | undefined>> {
  if (!has(settings, KEY_SOURCES)) return { ok: false, reason: 'an application key is needed' };
  const tried = await checked(async () => {
    const config = configOf(settings);
    return { config, account: await login?.(config) };
  });
  if (!tried.ok) return tried;
  const { config, account } = tried.value;
  const judged = account === undefined ? undefined : checkKey(account, config);
  return judged?.ok === false ? judged : { ok: true, value: account };
}

async function askBucket(
  { prompts, configOf }: InterviewTools,
  settings: Draft,
  account: AccountFacts | undefined,
): Promise<Draft> {
  const seen = account?.buckets ?? [];
  const offered = texts(settings.bucket)[0] ?? (seen.length === 1 ? seen[0]?.name : undefined);
  return await answer(
    prompts,
    (again) => prompts.text('Bucket', again ?? offered),
    (bucket): Checked<Draft> => {
      const named = { ...settings, bucket };
      if (bucket === '' || account === undefined)
        return bucket === '' ? { ok: false, reason: 'a bucket is needed' } : { ok: true, value: named };
      const judged = checkBucket(account, configOf(named));
      return judged.ok ? { ok: true, value: named } : judged;
    },
  );
}

async function askReaders(
  tools: InterviewTools,
  { file, passphraseFile }: InterviewFacts,
  before: Draft,
): Promise<{ settings: Draft; passphrase: string | undefined }> {
  const { prompts, configOf } = tools;
  const bare = without(before, READERS);
  const reading = whoReads(before, file);
  const choices: Choice<WhoReads>[] = [
    ...(reading === undefined ? [] : [{ value: 'before', label: `as before: ${reading}` } as const]),
    { value: 'passphrase', label: 'a passphrase, in a file on this machine' },
    { value: 'recipient', label: 'an OpenPGP key: nothing on this machine opens archives' },
  ];
  for (;;) {
    const choice = await prompts.choose('What opens the archives?', choices);
    if (choice === 'passphrase') {
      const offered = texts(before.passphrase_file)[0] ?? passphraseFile;
      const path = await answer(
        prompts,
        (again) => prompts.text('Passphrase file (made if it is missing)', again ?? offered),
        (text) => checkPassphraseFile(text, bare, configOf),
      );
      const passphrase = (await exists(path)) ? undefined : await askPassphrase(prompts);
      return { settings: { ...bare, passphrase_file: [path] }, passphrase };
    }
    if (choice === 'recipient') {
      const { path, ids } = await answer(
        prompts,
        (again) => prompts.text('File with the public key', again ?? texts(before.recipient)[0]),
        async (text) => {
          const file = checkPath(text);
          return file.ok
            ? await checked(async () => ({ path: text, ids: await tools.keyIds([text]) }))
            : file;
        },
      );
      prompts.say(`key ${ids.join(', ')}`);
      return { settings: { ...bare, recipient: [path] }, passphrase: undefined };
    }
    const judged = await checked(async () => {
      await readPassphrases(configOf(before));
      await tools.keyIds(texts(before.recipient));
    });
    if (judged.ok) return { settings: before, passphrase: undefined };
    prompts.refuse(judged.reason);
  }
}

async function checkPassphraseFile(
  text: string,
  bare: Draft,
  configOf: InterviewTools['configOf'],
): Promise<Checked<string>> {
  const path = checkPath(text);
  if (!path.ok) return path;
  return await checked(async () => {
    if (await exists(text)) await readPassphrases(configOf({ ...bare, passphrase_file: [text] }));
    else if ((await stat(dirname(text)).catch(() => undefined))?.isDirectory() !== true)
      throw new Failure('config', `there is no directory ${dirname(text)}`);
    return text;
  });
}

/** @returns undefined: make one */
async function askPassphrase(prompts: Prompts): Promise<string | undefined> {
  for (;;) {
    const typed = await prompts.secret('New passphrase (Enter makes a random one)');
    if (typed === '') return undefined;
    const judged = checkNewPassphrase(typed, await prompts.secret('The same again'));
    if (judged.ok) return judged.value;
    prompts.refuse(judged.reason);
  }
}
