/**
 * Since: from when on an archive is to be listed: a day, or a change that the archive itself counts.
 *
 * Spelled `date:YYYYMMDD` and `change:N`: the cursors of archives on the network.
 */

export type Since =
  | { readonly kind: 'all' }
  /** As DICOM writes it: `20261127`. Of studies, the day on which they began. */
  | { readonly kind: 'date'; readonly date: string }
  | { readonly kind: 'change'; readonly change: number }

/** Anything else lists all: what cannot be read leaves nothing out. */
export function parseSince(cursor: string | undefined): Since {
  const [, kind, value = ''] = /^(date|change):(\d{1,15})$/.exec(cursor ?? '') ?? []
  if (kind === 'change') return { kind, change: Number(value) }
  return kind === 'date' && value.length === 8 ? { kind, date: value } : { kind: 'all' }
}

/** The day before a moment, in UTC: studies of today may have begun yesterday, and zones differ by less. */
export function cursorOfDay(now: Date): string {
  const day = new Date(now.getTime() - 86_400_000)
  return `date:${day.toISOString().slice(0, 10).replaceAll('-', '')}`
}
