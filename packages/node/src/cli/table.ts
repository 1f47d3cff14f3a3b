/** Table: columns of text that line up. */

/**
 * Rows as lines, two spaces between columns, none at the end.
 * @param paint  styles the cells of a column after it has been padded, so that colours do not count as width
 */
export function layOut(
  rows: readonly (readonly string[])[],
  paint: (text: string, column: number, row: number) => string = (text) => text,
): string[] {
  const widths: number[] = []
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, width(cell))
  return rows.map((row, y) =>
    row
      .map((cell, x) => paint(x === row.length - 1 ? cell : cell + ' '.repeat((widths[x] ?? 0) - width(cell)), x, y))
      .join('  ')
      .trimEnd(),
  )
}

const width = (text: string): number => [...text].length

/** `1 file`, `2 files`. */
export const counted = (count: number, noun: string, plural = `${noun}s`): string =>
  `${count} ${count === 1 ? noun : plural}`

/** Text as lines of at most so many characters, broken between words. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && width(line) + 1 + width(word) > columns) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}
