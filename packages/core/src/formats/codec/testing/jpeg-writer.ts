/**
 * Writes small JPEG codestreams for the tests, straight from T.81: segments by hand, samples by annex H. Slow and plain.
 */

/** A marker segment: its second marker byte and what follows the length. */
export function segment(marker: number, ...content: readonly number[]): number[] {
  const length = content.length + 2
  return [0xff, marker, length >> 8, length & 0xff, ...content]
}

export const SOI = [0xff, 0xd8]
export const EOI = [0xff, 0xd9]

/** Every category from 0 to 16 by a code of five bits. */
export const CATEGORIES = segment(
  0xc4,
  0x00,
  0,
  0,
  0,
  0,
  17,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  ...Array.from({ length: 17 }, (_, i) => i),
)

/** A frame header with components 1, 2, ... of equal sampling. */
export const frameHeader = (
  marker: number,
  precision: number,
  rows: number,
  columns: number,
  components: number,
): number[] =>
  segment(
    marker,
    precision,
    rows >> 8,
    rows & 0xff,
    columns >> 8,
    columns & 0xff,
    components,
    ...Array.from({ length: components }, (_, i) => [i + 1, 0x11, 0]).flat(),
  )

/** A scan header for components by number, all with Huffman table 0. */
export const scanHeader = (components: readonly number[], start: number, end = 0, approximation = 0): number[] =>
  segment(0xda, components.length, ...components.flatMap((id) => [id, 0]), start, end, approximation)

/** Bits, most significant first, with zero bytes stuffed and ones at the end. */
export class BitWriter {
  readonly #bytes: number[] = []
  #bits = ''

  write(value: number, length: number): void {
    if (length > 0) this.#bits += (value & (2 ** length - 1)).toString(2).padStart(length, '0')
    while (this.#bits.length >= 8) this.#flush()
  }

  end(): number[] {
    if (this.#bits.length > 0) this.write(-1, 8 - this.#bits.length)
    return this.#bytes
  }

  #flush(): void {
    const byte = Number.parseInt(this.#bits.slice(0, 8), 2)
    this.#bits = this.#bits.slice(8)
    this.#bytes.push(byte, ...(byte === 0xff ? [0] : []))
  }
}

/** A difference modulo 2^16 by table H.2, with the codes of {@link CATEGORIES}. */
export function writeDifference(writer: BitWriter, difference: number): void {
  const value = ((difference + 32768 - 1) & 0xffff) - 32767
  const category = value === 0 ? 0 : Math.floor(Math.log2(Math.abs(value))) + 1
  writer.write(category, 5)
  if (category < 16) writer.write(value < 0 ? value - 1 : value, category)
}

export interface LosslessPicture {
  readonly precision: number
  readonly rows: number
  readonly columns: number
  /** One array of samples a component, in row order. */
  readonly planes: readonly (readonly number[])[]
}

export interface LosslessOptions {
  readonly predictor: number
  readonly pointTransform?: number
  /** Rows between restart markers. */
  readonly restartRows?: number
  /** One scan a component. */
  readonly isSeparate?: boolean
}

/** A lossless codestream, process 14. */
export function writeLossless(picture: LosslessPicture, options: LosslessOptions): Uint8Array {
  const { precision, rows, columns, planes } = picture
  const all = planes.map((_, i) => i)
  const groups = options.isSeparate === true ? all.map((i) => [i]) : [all]
  const restart = segment(
    0xdd,
    ((options.restartRows ?? 0) * columns) >> 8,
    ((options.restartRows ?? 0) * columns) & 0xff,
  )
  return Uint8Array.from([
    ...SOI,
    ...frameHeader(0xc3, precision, rows, columns, planes.length),
    ...CATEGORIES,
    ...restart,
    ...groups.flatMap((group) => writeScan(picture, options, group)),
    ...EOI,
  ])
}

function writeScan(
  { precision, rows, columns, planes }: LosslessPicture,
  options: LosslessOptions,
  group: readonly number[],
): number[] {
  const { predictor, pointTransform = 0, restartRows = rows } = options
  const bytes = scanHeader(
    group.map((i) => i + 1),
    predictor,
    0,
    pointTransform,
  )
  for (let start = 0, count = 0; start < rows; start += restartRows, count++) {
    if (start > 0) bytes.push(0xff, 0xd0 + ((count - 1) & 7))
    const writer = new BitWriter()
    for (let row = start; row < Math.min(start + restartRows, rows); row++) {
      for (let column = 0; column < columns; column++) {
        for (const component of group) {
          const at = (y: number, x: number): number =>
            (planes[component]?.[y * columns + x] as number) >> pointTransform
          const isFirstRow = row === start
          let prediction: number
          if (isFirstRow && column === 0) prediction = 2 ** (precision - pointTransform - 1)
          else if (isFirstRow) prediction = at(row, column - 1)
          else if (column === 0) prediction = at(row - 1, column)
          else
            prediction = predictions(at(row, column - 1), at(row - 1, column), at(row - 1, column - 1))[
              predictor - 1
            ] as number
          writeDifference(writer, at(row, column) - prediction)
        }
      }
    }
    bytes.push(...writer.end())
  }
  return bytes
}

/** T.81 table H.1, predictors 1 to 7. */
const predictions = (a: number, b: number, c: number): readonly number[] => [
  a,
  b,
  c,
  a + b - c,
  a + ((b - c) >> 1),
  b + ((a - c) >> 1),
  (a + b) >> 1,
]
