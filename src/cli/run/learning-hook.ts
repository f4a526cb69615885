import { UnusableConfig } from '../../config/read-config.js';
import type { Config } from '../../config/schema.js';
import { configFrom } from '../config-options.js';
import type { Learned } from './notices.js';

/** The configuration; `learned` gets its failure hook even where the rest of it will not do. @throws Failure `config` */
export function learningHook(options: Readonly<Record<string, unknown>>, learned: Learned): Config {
  const { onFailure } = options;
  if (typeof onFailure === 'string') learned.onFailure = onFailure;
  try {
    const config = configFrom(options);
    learned.onFailure = config.on_failure;
    return config;
  } catch (error) {
    if (error instanceof UnusableConfig) learned.onFailure ??= error.onFailure;
    throw error;
  }
}
