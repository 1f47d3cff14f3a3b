/**
 * Geometry of the chips: cells laid over a picture, and the pixels in the middle of each that a mark may change.
 *
 * Source: docs/reference/mark.md, "Chips", "Cells". Whole numbers throughout, so that what was painted is found again.
 */

/** What the layout depends on. */
export interface ChipShape {
  readonly width: number
  readonly height: number
  readonly bits: number
}

/** Cells over a picture. */
export interface CellGrid {
  /** Cells along the shorter side of the picture. */
  readonly across: number
  readonly columns: number
  readonly rows: number
}

/** Pictures with a shorter side below this many pixels carry no chips. */
export const LEAST_SIDE = 250
/** All numbers of cells along the shorter side that are in use: a reader tries them in this order. */
export const ALL_ACROSS = [96, 64, 48] as const
/** Blocks of this many cells each way share a magnitude. */
export const BLOCK_CELLS = 4

/** The cells over a picture; undefined where chips are not offered. */
export function cellGrid({ width, height, bits }: ChipShape): CellGrid | undefined {
  const side = Math.min(width, height)
  if (side < LEAST_SIDE) return undefined
  const across = side >= 900 ? 96 : side >= 600 || (side >= 400 && bits > 8) ? 64 : 48
  return { across, columns: Math.floor((width * across) / side), rows: Math.floor((height * across) / side) }
}

/** Blocks over the cells, row by row. */
export function blockGrid({ columns, rows }: CellGrid): { readonly columns: number; readonly rows: number } {
  return { columns: Math.ceil(columns / BLOCK_CELLS), rows: Math.ceil(rows / BLOCK_CELLS) }
}

/**
 * For each pixel along an axis, the cell whose dot it is in, or −1: the dot is the middle half of the cell.
 * @param length  pixels along this axis
 * @param side    pixels of the picture's shorter side
 * @param count   cells along this axis
 */
export function dotIndex(
  length: number,
  side: number,
  { across, count }: { across: number; count: number },
): Int32Array {
  const index = new Int32Array(length)
  for (let x = 0; x < length; x++) {
    const half = Math.floor(((2 * x + 1) * 2 * across + side) / (2 * side))
    const cell = (half - 1) / 2
    index[x] = half % 2 === 1 && cell < count ? cell : -1
  }
  return index
}

/** Bytes of side information: what taking the chips off needs; 0 where chips are not offered. */
export function chipSideLength(shape: ChipShape): number {
  const grid = cellGrid(shape)
  if (grid === undefined) return 0
  const blocks = blockGrid(grid)
  return 2 + 48 + Math.ceil((blocks.columns * blocks.rows * 3) / 8) + Math.ceil((grid.columns * grid.rows) / 8)
}
