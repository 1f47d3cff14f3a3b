/**
 * HTML report: what a sweep came to, for people, in one file that asks for nothing from elsewhere.
 *
 * Whatever comes from the archive is text in it. Of each kind of finding as many instances are listed as somebody reads;
 * all of them are in the CSV and JSON reports.
 */
import { createHash } from 'node:crypto'
import { FINDINGS, type FindingCode, SEVERITIES, type Severity } from '@fiducial/core/domain/audit/finding.ts'
import type { AuditSummary, FindingCount, ReportEntry } from '../../services/audit/report.ts'
import { formatBytes } from '../progress.ts'
import { visible } from '../visible.ts'
import { REPORT_SCRIPT, REPORT_STYLE } from './html-style.ts'

/** Instances listed of each kind of finding. */
export const LISTED = 500
const WHERE_SHOWN = 8

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
const CONTENT_POLICY = `default-src 'none'; style-src ${hashOf(REPORT_STYLE)}; script-src ${hashOf(REPORT_SCRIPT)}; base-uri 'none'; form-action 'none'`

const SEVERITY_NAMES: Readonly<Record<Severity, string>> = {
  alarm: 'Alarms',
  warning: 'Warnings',
  notice: 'Notices',
}

/** Entries for the report, the first ones of each finding. */
export type Listed = ReadonlyMap<FindingCode, readonly ReportEntry[]>

/** Keeps what the report lists of all that was found. */
export async function collectListed(entries: AsyncIterable<ReportEntry>): Promise<Listed> {
  const listed = new Map<FindingCode, ReportEntry[]>()
  for await (const entry of entries) {
    for (const { code } of entry.findings) {
      const known = listed.get(code) ?? []
      if (known.length >= LISTED) continue
      known.push(entry)
      listed.set(code, known)
    }
  }
  return listed
}

export function formatHtmlReport(summary: AuditSummary, listed: Listed): string {
  const { archive } = summary
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${CONTENT_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Audit of ${asHtml(archive.name)}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
<p class="kind">Audit of an image archive</p>
<h1>${asHtml(archive.name)}</h1>
${verdictOf(summary)}
${factsOf(summary)}
${tilesOf(summary)}
${summaryTable(summary)}
${SEVERITIES.map((severity) => sectionOf(severity, summary, listed)).join('\n')}
${limitsOf()}
</main>
<script>${REPORT_SCRIPT}</script>
</body>
</html>
`
}

function verdictOf({ severities: { alarm, warning }, isFinished }: AuditSummary): string {
  const [kind, text] =
    alarm > 0
      ? ['alarm', `${countOf(alarm, 'image is', 'images are')} not what ${alarm === 1 ? 'it' : 'they'} should be.`]
      : warning > 0
        ? ['warning', `Nothing is shown to be wrong; of ${countOf(warning, 'image', 'images')} not all can be shown.`]
        : ['good', 'Nothing was found that anybody has to look at.']
  const rest = isFinished ? '' : ' The sweep is not finished: the rest follows with the next run.'
  return `<p class="verdict ${kind}">${text}${rest}</p>`
}

function factsOf({ sweep, previous, policy, log }: AuditSummary): string {
  const { read, unchanged, failed, bytes } = sweep.counts
  const rows = [
    ['Sweep', `number ${sweep.number}${sweep.isFull ? ', everything read again' : ''}`],
    ['Began', timeOf(sweep.startedAt)],
    ...(sweep.endedAt === null ? [] : [['Ended', timeOf(sweep.endedAt)]]),
    ['Read', `${number(read)} images, ${formatBytes(bytes)}`],
    ['Passed over', `${number(unchanged)} images that had not changed`],
    ...(failed === 0 ? [] : [['Not readable', `${number(failed)} images`]]),
    ['Policy', asHtml(policy)],
    ['Custody log', log === null ? 'none was asked' : `${asHtml(log.origin)}, ${number(Number(log.size))} entries`],
    ['Sweep before', previous?.endedAt == null ? 'none' : `number ${previous.number}, ${timeOf(previous.endedAt)}`],
  ]
  return `<dl>\n${rows.map(([term, value]) => `<dt>${term}</dt><dd>${value}</dd>`).join('\n')}\n</dl>`
}

function tilesOf({ standings }: AuditSummary): string {
  const tiles = [
    ['good', standings.authentic, 'authentic'],
    ['good', standings.recorded, 'unchanged since recorded'],
    ['warning', standings.undetermined, 'undetermined'],
    ['alarm', standings.not_authentic, 'not authentic'],
    ['warning', standings.unreadable, 'unreadable'],
  ] as const
  const items = tiles.map(
    ([kind, count, name]) => `<li><b class="${count > 0 ? kind : 'soft'}">${number(count)}</b>${name}</li>`,
  )
  return `<ul class="tiles">\n${items.join('\n')}\n</ul>`
}

function summaryTable({ counts, previous }: AuditSummary): string {
  if (counts.length === 0) return ''
  const isCompared = previous !== null
  const heads = ['Severity', 'Finding', 'Code']
  const numbers = ['Count', ...(isCompared ? ['New', 'No more'] : [])]
  return `<h2>Findings</h2>
<div class="scroll"><table class="sortable">
<thead><tr>${heads.map((head) => `<th>${head}</th>`).join('')}${numbers.map((head) => `<th class="number">${head}</th>`).join('')}</tr></thead>
<tbody>
${counts.map((count) => summaryRow(count, isCompared)).join('\n')}
</tbody>
</table></div>`
}

function summaryRow({ code, severity, count, fresh, resolved }: FindingCount, isCompared: boolean): string {
  const title = asHtml(FINDINGS[code].title)
  const name = count === 0 ? title : `<a href="#${code}-${severity}">${title}</a>`
  const numbers = [count, ...(isCompared ? [fresh, resolved] : [])]
  const cells = numbers.map((one) => `<td class="number">${one === null ? '' : number(one)}</td>`)
  return `<tr><td data-sort="${SEVERITIES.indexOf(severity)}" class="${severity}">${severity}</td><td>${name}</td><td><code>${code}</code></td>${cells.join('')}</tr>`
}

function sectionOf(severity: Severity, summary: AuditSummary, listed: Listed): string {
  const counts = summary.counts.filter((one) => one.severity === severity && one.count > 0)
  if (counts.length === 0) return ''
  return `<h2 class="${severity}">${SEVERITY_NAMES[severity]}</h2>\n${counts.map((count) => findingOf(count, summary, listed)).join('\n')}`
}

function findingOf({ code, severity, count }: FindingCount, { sweep, previous }: AuditSummary, listed: Listed): string {
  const { title, explanation, advice } = FINDINGS[code]
  const entries = (listed.get(code) ?? []).filter(({ findings }) =>
    findings.some((one) => one.code === code && one.severity === severity),
  )
  const rows = entries.map((entry) => rowOf(entry, code, previous !== null && isNew(entry, code, sweep.number)))
  const more =
    count > entries.length
      ? `<p class="soft">And ${number(count - entries.length)} more, in the CSV and JSON reports.</p>`
      : ''
  return `<section id="${code}-${severity}">
<h3>${asHtml(title)} <span class="soft">(${number(count)})</span></h3>
<p>${asHtml(explanation)}</p>
<p><b>What to do:</b> ${asHtml(advice)}</p>
<div class="scroll"><table class="sortable">
<thead><tr><th>Image</th><th>Study</th><th>Why</th><th>Where</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table></div>
${more}
</section>`
}

const isNew = ({ findings }: ReportEntry, code: FindingCode, sweep: number): boolean =>
  findings.some((one) => one.code === code && one.foundIn === sweep)

function rowOf(
  { sopInstanceUid, studyInstanceUid, key, findings }: ReportEntry,
  code: FindingCode,
  isFresh: boolean,
): string {
  const { reasons, where } = findings.find((one) => one.code === code) ?? { reasons: [], where: [] }
  const name = sopInstanceUid ?? key ?? ''
  const below = sopInstanceUid !== null && key !== null ? `<br><span class="soft">${asHtml(key)}</span>` : ''
  const more = where.length - WHERE_SHOWN
  const places = where.slice(0, WHERE_SHOWN).map((place) => `<code>${asHtml(place)}</code>`)
  return `<tr><td><code>${asHtml(name)}</code>${isFresh ? ' <span class="new">new</span>' : ''}${below}</td><td><code>${asHtml(studyInstanceUid ?? '')}</code></td><td>${reasons.map((reason) => asHtml(reason.replaceAll('_', ' '))).join('<br>')}</td><td>${places.join('<br>')}${more > 0 ? `<br><span class="soft">and ${more} more</span>` : ''}</td></tr>`
}

const limitsOf = (): string => `<h2>What this can and cannot show</h2>
<p>A sweep compares what lies in the archive with signatures, seals and the custody log. It shows that an image is the one
that was signed or recorded; it cannot show that an image tells the truth. Of an image that was enrolled it shows changes
since then, and nothing about the time before. Pictures that nobody signed or recorded may be genuine.</p>`

const countOf = (count: number, one: string, several: string): string =>
  `${number(count)} ${count === 1 ? one : several}`
const number = (value: number): string => value.toLocaleString('en-GB')

const timeOf = (time: Date): string => {
  const text = time.toISOString()
  return `<time datetime="${text}">${text.slice(0, 10)} ${text.slice(11, 19)} UTC</time>`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text in HTML, with what cannot be seen made visible. */
const asHtml = (text: string): string => visible(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
