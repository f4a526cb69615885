/** The trees that are archived, as tars, and gpg. */
import { randomFillSync } from 'node:crypto';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GpgHome } from '../support/gpg.js';

const MB = 1_000_000;

export class Material {
  readonly directory = mkdtempSync(join(tmpdir(), 'crash-'));
  readonly gpg = new GpgHome();
  /** Two volumes of three parts, and a third that goes up as a plain file. */
  readonly tar = join(this.directory, 'tree.tar');
  readonly tree = join(this.directory, 'tree');

  constructor() {
    mkdirSync(join(this.tree, 'deep', 'er'), { recursive: true });
    writeFileSync(join(this.tree, 'a'), randomFillSync(Buffer.alloc(9 * MB)));
    writeFileSync(join(this.tree, 'deep', 'b'), randomFillSync(Buffer.alloc(9 * MB)));
    writeFileSync(join(this.tree, 'deep', 'er', 'c'), randomFillSync(Buffer.alloc(7 * MB)));
    writeFileSync(join(this.tree, 'deep', 'small'), 'hello\n');
    symlinkSync('small', join(this.tree, 'deep', 'link'));
    execFileSync('tar', ['-C', this.tree, '--sort=name', '-cf', this.tar, '.']);
  }

  /** The same tar with `change` made to its bytes. */
  changed(name: string, change: (tar: Buffer) => Buffer): string {
    const path = join(this.directory, `${name}.tar`);
    writeFileSync(path, change(readFileSync(this.tar)));
    return path;
  }

  /** tar finds nothing that differs from the tree. */
  assertSameTree(tar: Buffer): void {
    const { status, stdout, stderr } = spawnSync('tar', ['-C', this.tree, '-df', '-'], { input: tar });
    assert.equal(status, 0, `${stdout.toString()}${stderr.toString()}`);
  }

  remove(): void {
    this.gpg.remove();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
