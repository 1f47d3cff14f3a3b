/**
 * The kernel of the mark: the inner loops of its tiles, and the pixel pass of its chips.
 *
 * Source: docs/reference/mark.md. Compiled twice, with vectors and without; from the second comes the C of firmware. Nothing
 * is allocated and nothing imported: the caller says where in memory everything lies.
 */
export { plan, scratchBytes } from './mark-state'
export { embed, read } from './mark-tile'
export { sumRows } from './mark-pixels'
export { sum } from './mark-tag'
