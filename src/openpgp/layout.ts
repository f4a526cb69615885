/** Where the bytes of a volume's parts lie. Pure arithmetic; see `shared` notes in docs/format.md. */
export interface VolumeLayout {
  /** Data (tar) bytes that fill part `index` (0-based) when it is not the volume's last. */
  dataBytes(index: number): number;
  /** Size of the ArrayBuffer that carries a part, before and after sealing. */
  readonly bufferBytes: number;
  /** Where the data begins in that buffer before sealing. */
  readonly dataOffset: number;
}
