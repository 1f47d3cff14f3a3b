/** Report text: words, numbers and tables of the audit report. Whatever comes from data is escaped, and what cannot be seen is made visible. */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Controls, and the marks that turn the direction of text: what follows them would read otherwise than it is. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** Text as HTML, in an element or between double quotes. */
export const asHtml = (text: string): string =>
  text
    .replace(INVISIBLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')

/** Three digits after the point, without the zero before it: `.814`, as areas are printed. */
export const area = (value: number): string => value.toFixed(3).replace(/^0/, '')

/** A share in percent, one digit after the point. */
export const percent = (value: number): string => `${(value * 100).toFixed(1)} %`

/** A number as it stands on an axis. */
export const signed = (value: number): string => (value < 0 ? `−${-value}` : String(value))

export const whole = (value: number): string => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',')

export interface Column {
  readonly head: string
  readonly isNumber?: boolean
}

/** A table; the first cell of each row heads it. Cells are HTML already. */
export function table(caption: string, columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const kind = (i: number): string => (columns[i]?.isNumber === true ? ' class="number"' : '')
  const head = columns.map((column, i) => `<th scope="col"${kind(i)}>${asHtml(column.head)}</th>`).join('')
  const body = rows.map((cells) => {
    const [first = '', ...rest] = cells
    return `<tr><th scope="row">${first}</th>${rest.map((cell, i) => `<td${kind(i + 1)}>${cell}</td>`).join('')}</tr>`
  })
  return `<div class="scroll"><table>
<caption>${asHtml(caption)}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table></div>`
}
