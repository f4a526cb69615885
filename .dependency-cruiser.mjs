// The floors of the house, read by dependency-cruiser in `npm run lint`: imports only go down, nothing goes in circles, and
// foreign packages come in by one door each. docs/architecture.md says what lives where.

/** From the ground up. A room (a folder or file of src/) may import from itself and from the floors below. */
const FLOORS = [
  ['printable.ts', 'columns.ts'],
  [
    'errors.ts',
    'events.ts',
    'clock.ts',
    'files.ts',
    'discard.ts',
    'stack.ts',
    'v8-flags.ts',
    'working-directory.ts',
    'replace-file.ts',
    'wait-queue.ts',
    'nearest.ts',
  ],
  ['version.ts', 'pipes', 'config', 'openpgp', 'chunks', 'bandwidth', 'tar', 'store.ts', 'own-files.ts'],
  ['compression', 'backuppc', 'members'],
  ['sealing', 'memory', 'catalog', 'b2', 'reporting'],
  ['journal', 'restore'],
  ['reuse', 'tuning', 'report'],
  ['archive'],
  ['cli'],
  ['archive-host.ts', 'manager.ts', 'backup-manager.ts'],
  ['packaging'],
];

/** Where programs, threads and processes begin; and what only declares types. */
const BEGINNINGS = [
  '^src/(archive-host|manager|backup-manager|tuning/case-process)\\.ts$',
  '^src/packaging/',
  '^workers/',
  '\\.d\\.ts$',
];

/** Package → the only files that import it. */
const DOORS = {
  piscina: '^src/sealing/',
  openpgp: '^(src/openpgp|workers)/',
  'backblaze-b2': '^src/b2/',
  undici: '^src/b2/',
  commander: '^src/cli/',
  'smol-toml': '^src/config/',
  '@clack/prompts': '^src/cli/setup/prompts\\.ts$',
  'string-width': '^src/columns\\.ts$',
};

const inRooms = (rooms) => `^src/(${rooms.map((room) => room.replace('.', '\\.')).join('|')})(/|$)`;
const everywhere = inRooms(FLOORS.flat());

/** One for each room: nothing on its own floor or above, itself aside. */
const upward = FLOORS.flatMap((rooms, floor) =>
  rooms.map((room) => ({
    name: `${room} imports only from below`,
    severity: 'error',
    from: { path: inRooms([room]) },
    to: { path: inRooms(FLOORS.slice(floor).flat()), pathNot: inRooms([room]) },
  })),
);

const throughDoors = Object.entries(DOORS).map(([name, door]) => ({
  name: `${name} comes in by one door`,
  severity: 'error',
  from: { pathNot: [door, '^(test|bench)/'] },
  to: { path: `^node_modules/${name}/` },
}));

export default {
  forbidden: [
    ...upward,
    ...throughDoors,
    { name: 'no circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'every room has a floor',
      severity: 'error',
      from: { path: '^src/', pathNot: everywhere },
      to: {},
    },
    {
      name: 'every room has a floor',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: everywhere },
    },
    {
      name: 'what ships imports nothing of the tests and benches',
      severity: 'error',
      from: { path: '^(src|workers)/' },
      to: { path: '^(test|bench)/' },
    },
    {
      name: 'every file is used',
      severity: 'error',
      from: { path: BEGINNINGS },
      to: { path: '^(src|workers)/', pathNot: BEGINNINGS, reachable: false },
    },
    { name: 'every import is found', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: '^node_modules/' },
    // Types count: a file that needs another's types needs that file.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types'] },
  },
};
