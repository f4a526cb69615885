'use strict';
/** Required before a bundled program: at its end, what V8 has compiled of it is added to the cache that it starts from. */
const fs = require('node:fs');
const vm = require('node:vm');
const { isMainThread } = require('node:worker_threads');

if (isMainThread)
  vm.Script = class extends vm.Script {
    constructor(code, options) {
      super(code, options);
      if (options.filename?.endsWith('programs.cjs') !== true) return;
      process.on('exit', () => {
        fs.writeFileSync(`${options.filename}.${process.version}.cache`, this.createCachedData());
      });
    }
  };
