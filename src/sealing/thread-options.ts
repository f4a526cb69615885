/**
 * How worker threads start. Piscina loads their module by `require` first: where Node can require ES modules, it aborts the whole process
 * (FATAL ERROR: v8::Module::IsGraphAsync) when the thread is ended meanwhile, as it is when a run fails at its very beginning. Without that
 * ability Piscina goes on to `import`, which ends well.
 */
const NO_REQUIRE = '--no-experimental-require-module';

/** V8's flags hold for the whole process, and are refused here; what a thread would inherit of Node's own is not ours to pass on. */
export const THREAD_ARGUMENTS: string[] = process.allowedNodeEnvironmentFlags.has(NO_REQUIRE)
  ? // A Node that does not know the flag would refuse to start the thread.
    [NO_REQUIRE]
  : [];
