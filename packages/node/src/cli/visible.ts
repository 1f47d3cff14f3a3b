/**
 * Visible: text of others, such as file names and values of headers, made fit for a terminal.
 *
 * The attacker controls these texts: an escape sequence among them could erase a line of a report or retype a verdict,
 * and a direction mark could turn a name around.
 */

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** The text with everything that does not show itself spelled as `\u{…}`. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}

/** The text, cut to a width in characters with `…` at its end. */
export function cut(text: string, width: number): string {
  const characters = [...text]
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`
}

/** The text, cut to a width with `…` at its beginning: of paths the end tells more. */
export function cutStart(text: string, width: number): string {
  const characters = [...text]
  return characters.length <= width ? text : `…${characters.slice(characters.length - Math.max(0, width - 1)).join('')}`
}
