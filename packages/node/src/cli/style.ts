/**
 * Style: colours for those who look, none for those who read a file.
 *
 * Source: ECMA-48 section 8.3.117 (SGR); no-color.org for NO_COLOR.
 */
import type { Screen, Terminal } from './terminal.ts'

const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39] } as const

export type Style = Readonly<Record<keyof typeof CODES, (text: string) => string>>

/** Colours on a terminal, unless NO_COLOR has a value or the terminal is a dumb one. */
export function styleFor(screen: Screen, env: Terminal['env']): Style {
  const isColoured = screen.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb'
  const paint =
    (name: keyof typeof CODES) =>
    (text: string): string =>
      isColoured ? `\x1b[${CODES[name][0]}m${text}\x1b[${CODES[name][1]}m` : text
  return {
    bold: paint('bold'),
    dim: paint('dim'),
    red: paint('red'),
    green: paint('green'),
    yellow: paint('yellow'),
    cyan: paint('cyan'),
  }
}
