/** One member of a tar: its place, and what its headers say. */

/** Where a member lies in its tar, in bytes. */
export interface TarPlace {
  /** Of the first header block that belongs to it: its pax, GNU long-name and global headers come before its own. */
  readonly offset: number;
  /** From `offset` to the data: all header blocks, the maps of GNU sparse files included. */
  readonly headerBytes: number;
  /** Stored behind the headers, without padding. For a sparse file less than its size. */
  readonly dataBytes: number;
  /** Where the next member begins: the data is padded to whole blocks. */
  readonly end: number;
}

export interface TarMember extends TarPlace {
  /** Octets, as tar knows it: a pax path wins over a GNU long name, that over the header's own fields. */
  readonly path: Uint8Array;
  /**
   * The type flag. Regular files are `0` however they were written, and `5` where the name ends with a slash. Others: `1` hard link, `2`
   * symbolic link, `3` and `4` devices, `5` directory, `6` FIFO, `S` sparse file, `D` directory with its list, `V` label, `M` continued.
   */
  readonly type: string;
  /** Of the file once it is restored. */
  readonly size: number;
  /** Seconds since 1970 UTC; pax headers may give a fraction. */
  readonly mtime: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Empty where the header has none. */
  readonly userName: Uint8Array;
  readonly groupName: Uint8Array;
  /** What a link points to; empty for all others. */
  readonly linkTarget: Uint8Array;
  /** Major and minor number of a device. */
  readonly device: readonly [major: number, minor: number] | undefined;
  /** Which of these only pax records tell rightly: a tar that ignores them takes others for them. */
  readonly onlyPaxTells: { readonly size: boolean; readonly owner: boolean };
}
