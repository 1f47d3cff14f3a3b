/** Data set sink: where the bytes of a data set go while it comes. */

export interface DataSetSink {
  /** Bytes are valid until it returns. */
  write(bytes: Uint8Array): void
  end(): void
}

export interface CollectedDataSet {
  /** Null where there was none, or it was too long. */
  readonly bytes: Uint8Array | null
  readonly isTooLong: boolean
}

/** Puts a data set together in memory, up to a length; the rest of a longer one is dropped. */
export function collectDataSet(limitBytes: number, onEnd: (collected: CollectedDataSet) => void): DataSetSink {
  let buffer = new Uint8Array(0)
  let length = 0
  let isTooLong = false
  return {
    write(bytes) {
      if (isTooLong || length + bytes.length > limitBytes) {
        isTooLong = true
        buffer = new Uint8Array(0)
        return
      }
      if (length + bytes.length > buffer.length) {
        const larger = new Uint8Array(Math.min(limitBytes, Math.max(4096, 2 * (length + bytes.length))))
        larger.set(buffer.subarray(0, length))
        buffer = larger
      }
      buffer.set(bytes, length)
      length += bytes.length
    },
    end: () => onEnd({ bytes: isTooLong ? null : buffer.slice(0, length), isTooLong }),
  }
}
