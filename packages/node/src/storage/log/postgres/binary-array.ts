/**
 * Binary arrays: many values as one parameter of a statement, for `unnest`.
 *
 * Source: PostgreSQL, the functions array_recv, bytearecv and int4recv (src/backend/utils/adt); the form
 * has been the same since version 7.4. The driver would write arrays as text, with twice the bytes and several times the
 * work. All numbers are big-endian.
 */

/** Identifiers of the types, fixed in PostgreSQL's catalogue (pg_type.dat). */
const BYTEA = 17
const INT4 = 23

const HEADER_BYTES = 20
const LENGTH_BYTES = 4
const NULL_LENGTH = -1

/** An array of `bytea`; undefined stands for NULL. */
export function byteaArray(values: readonly (Uint8Array | undefined)[]): Buffer {
  let length = HEADER_BYTES
  for (const value of values) length += LENGTH_BYTES + (value?.length ?? 0)
  const array = startArray(length, BYTEA, values.length)
  let at = HEADER_BYTES
  for (const value of values) {
    at = array.writeInt32BE(value?.length ?? NULL_LENGTH, at)
    if (value === undefined) continue
    array.set(value, at)
    at += value.length
  }
  return finish(array, values.length)
}

/** An array of `int4`. @throws {RangeError} for a number outside -2^31 to 2^31 - 1 */
export function int4Array(values: readonly number[]): Buffer {
  const array = startArray(HEADER_BYTES + values.length * (LENGTH_BYTES + 4), INT4, values.length)
  let at = HEADER_BYTES
  for (const value of values) {
    at = array.writeInt32BE(4, at)
    at = array.writeInt32BE(value, at)
  }
  return finish(array, values.length)
}

function startArray(bytes: number, elementType: number, count: number): Buffer {
  const array = Buffer.allocUnsafe(bytes)
  array.writeInt32BE(1, 0) // dimensions
  array.writeInt32BE(1, 4) // may hold NULL; without effect on reading
  array.writeInt32BE(elementType, 8)
  array.writeInt32BE(count, 12)
  array.writeInt32BE(1, 16) // the first subscript
  return array
}

/** An array without elements has no dimension, and ends after the type. */
function finish(array: Buffer, count: number): Buffer {
  if (count > 0) return array
  array.writeInt32BE(0, 0)
  return array.subarray(0, 12)
}
