/** The owner of the files: BackupPC's user if we are root, else the current user. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Failure } from '../../errors.js';

export interface SystemAccount {
  readonly user: string;
  readonly group: string;
  readonly uid: number;
  readonly gid: number;
}

/** From `getent`, which also asks LDAP and the like. @throws Failure `config` where there is no such user */
export async function systemAccount(user: string | number): Promise<SystemAccount> {
  const [name = '', , uid, gid] = await entry('passwd', String(user), `there is no user ${user}`);
  const [group = ''] = await entry('group', gid ?? '', `user ${user} has no group`);
  return { user: name, group, uid: Number(uid), gid: Number(gid) };
}

async function entry(database: string, key: string, missing: string): Promise<string[]> {
  try {
    const { stdout } = await promisify(execFile)('getent', [database, key]);
    return stdout.trim().split(':');
  } catch (cause) {
    throw new Failure('config', missing, { hint: '--user NAME: the user that BackupPC runs as', cause });
  }
}
