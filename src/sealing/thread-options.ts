/**
 * How worker threads start. Piscina loads their module by `require` first: where Node can require ES modules, it aborts the whole process
 * (FATAL ERROR: v8::Module::IsGraphAsync) when the thread is ended meanwhile, as it is when a run fails at its very beginning. Without that
 * ability Piscina goes on to `import`, which ends well.
 */
const NO_REQUIRE = '--no-experimental-require-module';

export const THREAD_ARGUMENTS: string[] = [
  ...process.execArgv,
  // A Node that does not know the flag would refuse to start the thread.
  ...(process.allowedNodeEnvironmentFlags.has(NO_REQUIRE) ? [NO_REQUIRE] : []),
];
