/** `npm run bench -- TOPIC [flags]`: one suite; `compare A B`: two result files side by side. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compare } from './compare.js';

interface Suite {
  run(args: string[]): Promise<void>;
}

const folder = new URL('./suites/', import.meta.url);
const topics = readdirSync(fileURLToPath(folder))
  .filter((name) => /^[a-z]+\.js$/.test(name))
  .map((name) => name.replace(/\.js$/, ''));
const [topic = '', ...args] = process.argv.slice(2);
if (topic === 'compare') {
  compare(args);
} else if (topics.includes(topic)) {
  const suite = (await import(new URL(`${topic}.js`, folder).href)) as Suite;
  await suite.run(args);
} else {
  console.log(
    `usage: npm run bench -- TOPIC [flags]\ntopics: ${topics.join(', ')}\n       npm run bench -- compare A B [TOPIC…]`,
  );
  process.exitCode = topic === '' || topic === '--help' ? 0 : 2;
}
