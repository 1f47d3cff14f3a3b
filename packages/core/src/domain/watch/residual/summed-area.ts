/** Summed-area tables: sums over boxes of a grid in four look-ups. Source: F. C. Crow (1984). */

/** In cells; right and bottom are not included. */
export interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/** How many numbers a grid has, and how many of them at each cell. */
export interface GridShape {
  readonly columns: number
  readonly rows: number
  readonly numbers: number
}

export interface Tables {
  /** Of cells that are not NaN. */
  readonly counts: Float64Array
  /** One for each number of a cell; NaN counts as 0. */
  readonly sums: readonly Float64Array[]
}

/** @param values  `numbers` for each cell in turn; a cell whose first is NaN is left out */
export function tablesOf(values: Float64Array, { columns, rows, numbers }: GridShape): Tables {
  const tableOf = (valueAt: (place: number) => number): Float64Array => {
    const stride = columns + 1
    const table = new Float64Array(stride * (rows + 1))
    for (let row = 0; row < rows; row++) {
      let sum = 0
      for (let column = 0; column < columns; column++) {
        const place = row * columns + column
        if (!Number.isNaN(values[place * numbers] as number)) sum += valueAt(place)
        table[(row + 1) * stride + column + 1] = (table[row * stride + column + 1] as number) + sum
      }
    }
    return table
  }
  return {
    counts: tableOf(() => 1),
    sums: Array.from({ length: numbers }, (_, k) => tableOf((place) => values[place * numbers + k] as number)),
  }
}

/** @param columns  of the grid, not of the table */
export function sumBox(table: Float64Array, columns: number, { left, top, right, bottom }: Box): number {
  const stride = columns + 1
  const lower = (table[bottom * stride + right] as number) - (table[bottom * stride + left] as number)
  return lower - (table[top * stride + right] as number) + (table[top * stride + left] as number)
}
