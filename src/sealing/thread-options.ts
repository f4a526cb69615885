/**
 * How worker threads start.
 *
 * Piscina first loads their module with `require`. If Node can require ES modules, it aborts the whole process
 * (FATAL ERROR: v8::Module::IsGraphAsync) when the thread is ended meanwhile, as happens when a run fails at its very beginning. Without that
 * ability Piscina falls back to `import`, which ends cleanly.
 */
const NO_REQUIRE = '--no-experimental-require-module';

/** Debian 13's Node calls the curves of recipients' keys experimental, in each thread anew: in BackupPC's log that reads like an error. */
const CALM = '--disable-warning';

/** V8's flags apply to the whole process and are refused here. Nothing else has to be passed on. */
export const THREAD_ARGUMENTS: string[] = [
  ...ifKnown(NO_REQUIRE, NO_REQUIRE),
  ...ifKnown(CALM, `${CALM}=ExperimentalWarning`),
];

/** A Node that does not know a flag would refuse to start the thread. */
function ifKnown(flag: string, argument: string): string[] {
  return process.allowedNodeEnvironmentFlags.has(flag) ? [argument] : [];
}
