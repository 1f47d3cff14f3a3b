/**
 * Map root: what the log says of its completeness map, in an entry of its own.
 *
 * How the entry is spelled and signed is left to the statements of the log; here is only what it has to say.
 */

/** What a `map-root` entry says. */
export interface MapRoot {
  /** Name of the archive whose studies these are. */
  readonly archive: string
  /** How many entries of the log are worked in: those with an index below this. */
  readonly size: bigint
  /** Studies with at least one record. */
  readonly studies: bigint
  /** Instances that are present, in all studies together. */
  readonly instances: bigint
  /** Root of the map, 32 bytes. */
  readonly root: Uint8Array
  /** Commitment to the blinding key, 32 bytes; the same in every entry of an archive. */
  readonly blindingCommitment: Uint8Array
}

/** To which map root a proof belongs. */
export type MapState = Pick<MapRoot, 'size' | 'root'>
