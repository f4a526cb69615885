import { SETTINGS, type Setting } from '../config/schema.js';

/** Variables with a secret, or half of one. */
const SECRET_NAMES = [
  ...Object.values(SETTINGS as Readonly<Record<string, Setting<unknown>>>).flatMap(({ secret, env }) =>
    secret === true && env !== undefined ? [env] : [],
  ),
  'B2_APPLICATION_KEY_ID',
];

const taken: Record<string, string | undefined> = {};

/**
 * The environment of this process. The first call removes the secrets from `process.env`, so that tarCreate, compressors, hooks and other
 * programs do not inherit them.
 */
export function takeEnvironment(): NodeJS.ProcessEnv {
  for (const name of SECRET_NAMES) {
    if (process.env[name] === undefined) continue;
    taken[name] = process.env[name];
    Reflect.deleteProperty(process.env, name);
  }
  return { ...process.env, ...taken };
}
