/**
 * Regions: cells that belong together, so that a reader is told of places and not of cells.
 */

/** Cells from left and top up to, not including, right and bottom. */
export interface Region {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
  /** Cells in it that differ. */
  readonly cells: number
}

interface Cells {
  readonly columns: number
  readonly rows: number
  readonly states: Uint8Array
}

/** Cells of one state that touch at a side or a corner, the largest region first. */
export function isolateRegions({ columns, rows, states }: Cells, state: number): Region[] {
  const done = new Uint8Array(states.length)
  const regions: Region[] = []
  for (let start = 0; start < states.length; start++) {
    if (states[start] !== state || done[start] === 1) continue
    done[start] = 1
    const trail = [start]
    let [left, top, right, bottom] = [columns, rows, 0, 0]
    for (let k = 0; k < trail.length; k++) {
      const [column, row] = [(trail[k] as number) % columns, Math.floor((trail[k] as number) / columns)]
      ;[left, top] = [Math.min(left, column), Math.min(top, row)]
      ;[right, bottom] = [Math.max(right, column + 1), Math.max(bottom, row + 1)]
      for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y++) {
        for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x++) {
          const next = y * columns + x
          if (states[next] !== state || done[next] === 1) continue
          done[next] = 1
          trail.push(next)
        }
      }
    }
    regions.push({ left, top, right, bottom, cells: trail.length })
  }
  return regions.sort((a, b) => b.cells - a.cells)
}
