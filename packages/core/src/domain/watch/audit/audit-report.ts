/**
 * Audit report: what an audit came to, as one page that asks for nothing from elsewhere.
 *
 * Where the models are blind comes first: whoever stops reading after the first screen knows what an alarm cannot show. The page holds no script.
 */

import { imagesToShow } from '../statistics/proportion.ts'
import type { Area } from '../statistics/roc.ts'
import {
  type AlarmRate,
  type AuditResult,
  type FamilyArea,
  type FlipRate,
  METHODS,
  type MeanArea,
  type Method,
} from './audit-result.ts'
import { type BarGroup, forestPlot, legend, rocLine, squarePlot } from './report-plots.ts'
import { AUDIT_STYLE } from './report-style.ts'
import { area, asHtml, percent, table, whole } from './report-text.ts'

/** Draws the report. Same result, same bytes. */
export function renderAuditReport(result: AuditResult): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Audit of ${asHtml(result.model.name)}</title>
<style>${AUDIT_STYLE}</style>
</head>
<body>
<main>
<p class="kind">Audit of a watchdog model</p>
<h1>${asHtml(result.model.name)}</h1>
${[blindness, facts, alarms, worth, areas, curves, calibration, sources, probes, flips, notes].map((part) => part(result)).join('\n')}
</main>
</body>
</html>
`
}

function blindness({ areas, alarms, flips, alpha }: AuditResult): string {
  const local = areas.filter(({ isLocal, method, setting }) => isLocal && method === 'combined' && setting === 'seen')
  const foreign = alarms.filter(({ group, method }) => group !== 'held-out' && method === 'combined')
  const worst = foreign.reduce<AlarmRate | undefined>(
    (most, one) => (most === undefined || one.rate > most.rate ? one : most),
    undefined,
  )
  const edits = local.map(
    ({ technique, area: value, low, high }) => `${asHtml(technique)} ${area(value)} (${area(low)}–${area(high)})`,
  )
  return `<section class="blind">
<h2>Where it is blind</h2>
<ul>
<li><b>Parts of a picture.</b> Edits of a small place are not what these models look for${edits.length === 0 ? '' : `; area under the curve: ${edits.join(', ')}, where .500 is chance`}. Signatures, marks and earlier images are for that.</li>
${weakSentence(areas)}<li><b>Other hospitals and devices.</b> ${foreignSentence(worst, alpha)} Without a calibration of its own an image gets no p-value.</li>
${wayItem(flips)}<li><b>Generators that nobody has here.</b> All forgeries below were made with known techniques from the same true images. Figures say nothing about others, newer ones least of all.</li>
<li><b>Who knows the models.</b> A forger who has them can look for a picture that raises no alarm.</li>
</ul>
<p>Advisory. An alarm does not show that a picture is forged; that there is none does not show that it is true. Not a medical device.</p>
</section>`
}

/** Areas below this leave more than a quarter of the pairs in the wrong order. */
const WEAK = 0.75

/** Global techniques that are hardly told from true images, where they were not shown. */
function weakSentence(areas: readonly FamilyArea[]): string {
  const weak = areas.filter(
    ({ isLocal, method, setting, area: value }) =>
      !isLocal && method === 'combined' && setting === 'unseen' && value < WEAK,
  )
  if (weak.length === 0) return ''
  const named = weak.map(({ technique, area: value }) => `${asHtml(technique)} ${area(value)}`)
  return `<li><b>Whole pictures that are changed a little.</b> Hardly told from true ones, where the technique was not shown: ${named.join(', ')}.</li>\n`
}

/** What happens to pictures with nobody meaning harm, and changes many an alarm. */
function wayItem(flips: readonly FlipRate[]): string {
  const often = flips.filter(({ rate }) => rate > 0.1)
  if (often.length === 0) return ''
  const named = often.map(({ change, rate }) => `${asHtml(change)} ${percent(rate)}`)
  return `<li><b>What happens on the way.</b> An alarm says that a picture is not as the device makes it, not that somebody forged it. Alarms come or go where true pictures go through: ${named.join(', ')}.</li>\n`
}

const foreignSentence = (worst: AlarmRate | undefined, alpha: number): string =>
  worst === undefined
    ? `Images of one source alone were there, so false alarms elsewhere are not known.`
    : `A threshold for ${percent(alpha)} false alarms gave ${percent(worst.rate)} (${percent(worst.low)}–${percent(worst.high)}) on the source “${asHtml(worst.group)}” that nothing was learned from.`

function facts({ model, data, alpha }: AuditResult): string {
  const rows = [
    [
      'Images',
      `${whole(data.reals)} true ones of ${whole(data.patients)} patients, ${whole(data.forgeries)} forgeries made from them`,
    ],
    ['Source', asHtml(data.source)],
    ['Features', whole(data.features)],
    [
      'Split',
      `${whole(data.folds)} folds by patient; of those not held out some are learned from, the others calibrate`,
    ],
    ['Alarm', `at a p-value of ${alpha} or less`],
    ['List of images', `<code>${asHtml(model.dataManifestHash)}</code>`],
    ['Code that measured', `<code>${asHtml(model.codeHash)}</code>`],
    ['Seed', whole(model.seed)],
  ]
  return `<dl>\n${rows.map(([term, value]) => `<dt>${term}</dt><dd>${value}</dd>`).join('\n')}\n</dl>`
}

function worth({ worth: rows }: AuditResult): string {
  if (rows.length === 0) return ''
  const cells = rows.map(({ prevalence, sensitivity, falseAlarms, trueShare, falsePerTrue }) => [
    `1 in ${whole(1 / prevalence)}`,
    percent(sensitivity),
    percent(falseAlarms),
    percent(trueShare),
    Number.isFinite(falsePerTrue) ? falsePerTrue.toFixed(1) : '–',
  ])
  const columns = ['Forged images', 'Found', 'False alarms', 'Alarms that are right', 'False for each right one']
  return `<h2>What an alarm is worth</h2>
<p>That depends on how frequent forgeries are, which nobody knows. ${imagesToShow(0.01)} true images without an alarm would be needed to show less than 1 % false alarms.</p>
${table('Combined score, mean over global techniques, left out of learning where there are several; false alarms at the level asked for, or as measured where that is more', heads(columns), cells)}`
}

const heads = ([first = '', ...rest]: readonly string[]) => [
  { head: first },
  ...rest.map((head) => ({ head, isNumber: true })),
]

function areas({ areas: all, means, alpha }: AuditResult): string {
  const parts = [
    ['unseen', false, 'Global techniques that were left out of learning'],
    ['seen', false, 'Global techniques that were learned, on other patients'],
    ['seen', true, 'Local techniques, which were never shown'],
  ] as const
  const sections = parts.map(([setting, isLocal, caption]) => {
    const own = all.filter((one) => one.setting === setting && one.isLocal === isLocal)
    return own.length === 0
      ? ''
      : areaSection(caption, own, { alpha, means: isLocal ? [] : means.filter((one) => one.setting === setting) })
  })
  return `<h2>True or forged</h2>
<p>Area under the curve: the chance that a forgery is called stranger than a true image, .500 for a coin. Below each figure its 95 % interval, by drawing patients. Differences smaller than the intervals are noise.</p>
${legend()}
${sections.join('\n')}`
}

const SCALE = { from: 0, to: 1, ticks: [0, 0.25, 0.5, 0.75, 1], mark: 0.5 }

function areaSection(
  caption: string,
  own: readonly FamilyArea[],
  { alpha, means }: { readonly alpha: number; readonly means: readonly MeanArea[] },
): string {
  const techniques = [...new Set(own.map(({ technique }) => technique))]
  const find = (technique: string, method: Method): FamilyArea | undefined =>
    own.find((one) => one.technique === technique && one.method === method)
  const groups: readonly BarGroup[] = techniques.map((technique) => ({
    name: technique,
    bars: METHODS.flatMap((method) => {
      const one = find(technique, method)
      return one === undefined ? [] : [{ method, value: one.area, low: one.low, high: one.high }]
    }),
  }))
  const rows = [
    ...techniques.map((technique) => [
      asHtml(technique),
      ...METHODS.map((method) => withInterval(find(technique, method))),
      percent(find(technique, 'combined')?.detected ?? 0),
      whole(find(technique, 'combined')?.positives ?? 0),
    ]),
    [
      'mean',
      ...METHODS.map((method) => withInterval(means.find((one) => one.method === method) ?? plainMean(own, method))),
      percent(meanOf(own.filter(({ method }) => method === 'combined').map(({ detected }) => detected))),
      '',
    ],
  ]
  return `<figure>
${forestPlot(`${caption}: area under the curve of each technique by each method, with intervals`, groups, SCALE)}
<figcaption>${caption}; dots with 95 % intervals, the dashed line is chance.</figcaption>
</figure>
${table(caption, heads(['Technique', ...METHODS, `Alarms at ${percent(alpha)}`, 'Images']), rows)}`
}

/** Of local techniques, which nobody counts on: without an interval. */
function plainMean(own: readonly FamilyArea[], method: Method): Pick<Area, 'area'> {
  return { area: meanOf(own.filter((one) => one.method === method).map((one) => one.area)) }
}

const withInterval = (one: (Pick<Area, 'area'> & Partial<Area>) | undefined): string =>
  one === undefined ? '–' : `${area(one.area)}${intervalOf(one)}`

const intervalOf = ({ low, high }: Partial<Area>): string =>
  low === undefined || high === undefined ? '' : `<br><span class="soft">${area(low)}–${area(high)}</span>`

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1)

function curves({ curves: all }: AuditResult): string {
  const techniques = [...new Set(all.map(({ technique }) => technique))]
  const plots = techniques.map((technique) => {
    const lines = all.filter((one) => one.technique === technique).map(({ method, points }) => rocLine(method, points))
    const name = technique === 'all' ? 'all global techniques' : technique
    return `<figure>${squarePlot(`Curve of ${name}: alarms on forgeries against false alarms`, lines, ['false alarms', 'found'])}<figcaption>${asHtml(name)}</figcaption></figure>`
  })
  if (plots.length === 0) return ''
  return `<h2>At every threshold</h2>
<p>Techniques that were learned, on other patients. The solid line is one-class, the dashed one boosting. Their areas are in the table above.</p>
${legend(['one-class', 'boosting'])}
<div class="curves">${plots.join('\n')}</div>`
}

function alarms({ alarms: all, alpha }: AuditResult): string {
  const groups = [...new Set(all.map(({ group }) => group))]
  const nameOf = (group: string): string => (group === 'held-out' ? 'other patients' : `foreign: ${group}`)
  const bars: readonly BarGroup[] = groups.map((group) => ({
    name: nameOf(group),
    bars: all
      .filter((one) => one.group === group)
      .map(({ method, rate, low, high }) => ({ method, value: rate, low, high })),
  }))
  const rows = all.map(({ group, method, alarms: count, count: images, rate, low, high }) => [
    asHtml(nameOf(group)),
    method,
    `${whole(count)} of ${whole(images)}`,
    percent(rate),
    `${percent(low)}–${percent(high)}`,
  ])
  const most = Math.min(1, Math.max(0.2, Math.ceil(Math.max(0, ...all.map(({ high }) => high)) * 10) / 10))
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => Math.round(part * most * 1000) / 1000)
  const columns = [
    { head: 'True images' },
    { head: 'Method' },
    ...['Alarms', 'Rate', 'Interval'].map((head) => ({ head, isNumber: true })),
  ]
  return `<h2>False alarms</h2>
<p>On true images that nothing was learned from. The level asked for is ${percent(alpha)}; <i>foreign</i> is a source that was left out of learning and calibration altogether.</p>
${legend()}
<figure>
${forestPlot('Rate of false alarms by group of true images and method, with Wilson intervals', bars, { from: 0, to: most, ticks, mark: alpha })}
<figcaption>Rates with 95 % Wilson intervals over patients; the dashed line is the level asked for.</figcaption>
</figure>
${table('False alarms', columns, rows)}`
}

function calibration({ calibration: points }: AuditResult): string {
  if (points.length === 0) return ''
  const lines = METHODS.map((method) => ({
    method,
    points: points.filter((one) => one.method === method).map(({ nominal, observed }) => [nominal, observed] as const),
  }))
  const nominals = [...new Set(points.map(({ nominal }) => nominal))]
  const rows = nominals.map((nominal) => [
    percent(nominal),
    ...METHODS.map((method) =>
      percent(points.find((one) => one.method === method && one.nominal === nominal)?.observed ?? 0),
    ),
  ])
  return `<h2>Are p-values what they say?</h2>
<p>For true images of other patients a p-value of at most α should come with a share of at most α: lines on or below the diagonal. <i>cues</i> lies below it, as the smallest of several p-values is corrected for their number.</p>
${legend()}
<figure>${squarePlot('Share of true images with a p-value of at most each level', lines, ['level', 'share of true images'])}<figcaption>Held-out true images.</figcaption></figure>
${table('Share of held-out true images with a p-value of at most', heads(['Level', ...METHODS]), rows)}`
}

function sources({ sources: all }: AuditResult): string {
  if (all.length === 0) return ''
  const names = [...new Set(all.map(({ source }) => source))]
  const rows = names.map((name) => [
    asHtml(name),
    ...METHODS.map((method) => {
      const one = all.find(({ source, method: own }) => source === name && own === method)
      return one === undefined
        ? '–'
        : `${area(one.area)}<br><span class="soft">${area(one.low)}–${area(one.high)}</span>`
    }),
  ])
  return `<h2>Sources that were left out</h2>
${table('Area under the curve, all global techniques together, true images and forgeries of a source that nothing was learned from', heads(['Source', ...METHODS]), rows)}`
}

function probes({ probes: all }: AuditResult): string {
  if (all.length === 0) return ''
  const rows = all.map(({ name, area: value, low, high, negatives, positives }) => [
    asHtml(name),
    area(value),
    `${area(low)}–${area(high)}`,
    `${whole(negatives)} / ${whole(positives)}`,
  ])
  return `<h2>Shortcuts</h2>
<p>Can true and forged be told apart by what must not matter? Near .500 is good.</p>
${table('Area under the curve of trees that see nothing else', heads(['Sees only', 'Area', 'Interval', 'True / forged']), rows)}`
}

function flips({ flips: all }: AuditResult): string {
  if (all.length === 0) return ''
  const rows = all.map(({ change, flips: count, count: images, rate, low, high, correlation }) => [
    asHtml(change),
    `${whole(count)} of ${whole(images)}`,
    percent(rate),
    `${percent(low)}–${percent(high)}`,
    correlation.toFixed(2),
  ])
  const bars = all.map(({ change, rate, low, high }) => ({
    name: change,
    bars: [{ method: 'combined' as const, value: rate, low, high }],
  }))
  return `<h2>Does it hold when the file changes?</h2>
<p>How often a change that means nothing raises an alarm or takes one away, and how far scores keep their order (Spearman).</p>
<figure>${forestPlot('Share of alarms that come or go with each change, with intervals', bars, { ...SCALE, mark: 0 })}<figcaption>Flips with 95 % Wilson intervals.</figcaption></figure>
${table('Alarms that come or go', heads(['Change', 'Flips', 'Rate', 'Interval', 'Correlation']), rows)}`
}

const notes = ({ notes: all }: AuditResult): string =>
  all.length === 0
    ? ''
    : `<h2>How it was done</h2>\n<ul>\n${all.map((note) => `<li>${asHtml(note)}</li>`).join('\n')}\n</ul>`
