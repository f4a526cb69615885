import { SETTINGS, type Setting } from '../config/schema.js';

/** Variables that tell a secret, or half of one. */
const SECRET_NAMES = [
  ...Object.values(SETTINGS as Readonly<Record<string, Setting<unknown>>>).flatMap(({ secret, env }) =>
    secret === true && env !== undefined ? [env] : [],
  ),
  'B2_APPLICATION_KEY_ID',
];

const taken: Record<string, string | undefined> = {};

/**
 * The environment of this process. From the first call on, the secrets in it are here and nowhere else: neither tarCreate nor a
 * compressor, a hook or any other program that this one starts inherits them.
 */
export function takeEnvironment(): NodeJS.ProcessEnv {
  for (const name of SECRET_NAMES) {
    if (process.env[name] === undefined) continue;
    taken[name] = process.env[name];
    Reflect.deleteProperty(process.env, name);
  }
  return { ...process.env, ...taken };
}
