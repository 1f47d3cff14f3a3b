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
/** All numbers of cells along the shorter side that are in use. */
export const ALL_ACROSS: readonly number[] = [48, 64, 96]
/** Blocks of this many cells each way share a magnitude. */
export const BLOCK_CELLS = 4

/** The numbers of cells along the shorter side that an embedder chooses from; none where chips are not offered. */
export function acrossChoices({ width, height }: ChipShape): readonly number[] {
  const side = Math.min(width, height)
  return side < LEAST_SIDE ? [] : side < 400 ? [48] : side < 900 ? [64, 96] : [96]
}

/** The cells over a picture, for a number of them along the shorter side. */
export function gridOf({ width, height }: Pick<ChipShape, 'width' | 'height'>, across: number): CellGrid {
  const side = Math.min(width, height)
  return { across, columns: Math.floor((width * across) / side), rows: Math.floor((height * across) / side) }
}

/** The cells that an embedder tries first; undefined where chips are not offered. */
export function cellGrid(shape: ChipShape): CellGrid | undefined {
  const [across] = acrossChoices(shape)
  return across === undefined ? undefined : gridOf(shape, across)
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
  return Math.max(0, ...acrossChoices(shape).map((across) => sideBytes(gridOf(shape, across))))
}

/** Bytes of side information that a grid takes up. */
export function sideBytes(grid: CellGrid): number {
  const blocks = blockGrid(grid)
  return 1 + 2 + 48 + Math.ceil((blocks.columns * blocks.rows * 3) / 8) + Math.ceil((grid.columns * grid.rows) / 8)
}
