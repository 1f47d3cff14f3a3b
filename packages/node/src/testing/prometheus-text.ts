/**
 * Prometheus text: a strict reader of what a scrape answers, for tests.
 *
 * Source: Prometheus, "Exposition formats", text format 0.0.4. Stricter than Prometheus itself: each family has one HELP and one
 * TYPE before its samples, its samples stand together, no series comes twice, histograms are whole and their buckets grow.
 */
export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Family {
  readonly type: string
  readonly series: readonly Series[]
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const COMMENT = new RegExp(`^# (HELP|TYPE) (${NAME}) (.*)$`)
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`)
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y
const NUMBER = /^[+-]?(\d+(\.\d+)?([eE][+-]?\d+)?|Inf)$|^NaN$/
const TYPES = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped'])
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
}

/** Families by name. @throws {SyntaxError} with the line */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new SyntaxError('the last line has no end')
  const families = new Map<string, { type: string | undefined; series: Series[] }>()
  const seen = new Set<string>()
  let current: string | undefined
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue
    const [, keyword, family = '', rest = ''] = COMMENT.exec(line) ?? []
    if (keyword === 'HELP') {
      if (families.has(family)) throw new SyntaxError(`twice: ${line}`)
      families.set(family, { type: undefined, series: [] })
      current = family
    } else if (keyword === 'TYPE') {
      const known = families.get(family)
      if (known === undefined || known.type !== undefined || !TYPES.has(rest)) throw new SyntaxError(line)
      known.type = rest
    } else {
      const series = parseSample(line)
      const known = current === undefined ? undefined : families.get(current)
      const suffixes = SUFFIXES[known?.type ?? ''] ?? ['']
      if (known?.type === undefined || !suffixes.some((suffix) => series.name === `${current}${suffix}`))
        throw new SyntaxError(`outside its family: ${line}`)
      const name = line.slice(0, line.lastIndexOf(' '))
      if (seen.has(name)) throw new SyntaxError(`twice: ${line}`)
      seen.add(name)
      known.series.push(series)
    }
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkHistogram(name, family.series)
  return families as ReadonlyMap<string, Family>
}

/** Sum of the series of a family that have these labels; 0 where there is none. */
export function sumOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const series = families.get(name)?.series ?? []
  return series
    .filter((one) => Object.entries(labels).every(([label, value]) => one.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0)
}

function parseSample(line: string): Series {
  const [, name, labelText = '', value = ''] = SAMPLE.exec(line) ?? []
  if (name === undefined || !NUMBER.test(value)) throw new SyntaxError(line)
  return { name, labels: parseLabels(labelText), value: Number(value.replace('Inf', 'Infinity')) }
}

function parseLabels(text: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {}
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < text.length) {
    const [, name, value = ''] = LABEL.exec(text) ?? []
    if (name === undefined || name in labels) throw new SyntaxError(`{${text}}`)
    labels[name] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
  }
  return labels
}

function checkHistogram(name: string, series: readonly Series[]): void {
  const perLabels = Map.groupBy(series, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels))
  for (const one of perLabels.values()) {
    const buckets = one.filter((sample) => sample.name === `${name}_bucket`)
    const last = buckets.at(-1)
    const count = one.find((sample) => sample.name === `${name}_count`)
    const grows = buckets.every(({ value }, i) => i === 0 || value >= (buckets[i - 1]?.value ?? 0))
    if (!grows || last?.labels.le !== '+Inf' || last.value !== count?.value)
      throw new SyntaxError(`no histogram: ${name}`)
  }
}
