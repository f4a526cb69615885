// `npm run demo`: from a fresh clone, no account. Plain JavaScript, because it also installs and compiles what the rest needs.
import { prepare, run } from '../support/prepare.mjs';

console.log('backuppc-b2 demo: installing and building where needed …');
prepare();
run(process.execPath, ['dist/test/demo/demo.js']);
