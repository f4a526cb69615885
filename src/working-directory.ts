/**
 * Imported first: where the working directory has been removed, Node's worker threads end at once. Nothing relative has a meaning there, so the
 * root directory serves as well.
 */
try {
  process.cwd();
} catch {
  process.chdir('/');
}
