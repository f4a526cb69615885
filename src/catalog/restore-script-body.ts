/** The part of the restore script that is the same for every archive: `restore-script.sh` behind its mark. */
import { readFileSync } from 'node:fs';
import { RESTORE_SCRIPT } from '../files.js';

const MARK = '# ---- the same for every archive from here on ----\n';

const program = readFileSync(RESTORE_SCRIPT, 'utf8');

export const RESTORE_SCRIPT_BODY = program.slice(program.indexOf(MARK) + MARK.length);
