/**
 * The mark's kernel: the inner loops of its tiles, and the ciphers and codes that firmware needs around them.
 *
 * Source: docs/reference/mark.md. Compiled twice, with vectors and without; from the second comes the C of firmware. Nothing
 * is allocated and nothing imported: the caller says where in memory everything lies.
 */
export { plan, scratchBytes } from './mark-state'
export { embed, read } from './mark-tile'
export { sum } from './mark-tag'
