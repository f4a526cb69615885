/**
 * How worker threads start. Piscina first loads their module with `require`. If Node can require ES modules, it aborts the whole process
 * (FATAL ERROR: v8::Module::IsGraphAsync) when the thread is ended meanwhile, as happens when a run fails at its very beginning. Without that
 * ability Piscina falls back to `import`, which ends cleanly.
 */
const NO_REQUIRE = '--no-experimental-require-module';

/** V8's flags apply to the whole process and are refused here. Nothing else has to be passed on. */
export const THREAD_ARGUMENTS: string[] = process.allowedNodeEnvironmentFlags.has(NO_REQUIRE)
  ? // A Node that does not know the flag would refuse to start the thread.
    [NO_REQUIRE]
  : [];
