import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeUtf8, encodeUtf8 } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { formatCanonicalJson } from '../../formats/json/canonical.ts'
import type { JsonValue } from '../../formats/json/parse.ts'
import { sha256 } from '../../testing/toy-pki.ts'
import { hashes, operatorFacts, sealedAt, toyHolder, toySeal, verifyOptions } from '../../testing/toy-seal.ts'
import { operatorOfSeries, seriesOf, seriesSignedAt, toySealInSeries, toySeries } from '../../testing/toy-series.ts'
import { formatSeal, formatSeriesSeal, parseSeal, parseSeriesSeal, type Seal, type SeriesSeal } from './seal.ts'
import { SeriesProver } from './series.ts'
import {
  encodeSeriesEntry,
  formatSeriesStatement,
  parseSeriesStatement,
  type SeriesEntry,
  seriesEntry,
  sortSeries,
} from './series-statement.ts'
import { certificatesOf } from './sign.ts'
import { verifySeal, verifySeriesSeal } from './verify.ts'

type Json = { [name: string]: JsonValue }
const { seals, series, attached } = await seriesOf(5)
const [first, second] = attached as [Seal, Seal]

const flawsOf = (seal: Seal): readonly string[] =>
  verifySeal(seal, verifyOptions).checks.flatMap((check) =>
    check.outcome === 'holds' ? [] : [`${check.subject} ${check.outcome} ${check.reason}`],
  )
const seriesFlawsOf = (seal: SeriesSeal): readonly string[] =>
  verifySeriesSeal(seal, verifyOptions).checks.flatMap((check) =>
    check.outcome === 'holds' ? [] : [`${check.subject} ${check.outcome} ${check.reason}`],
  )
const withSeries = (seal: Seal, overrides: Partial<NonNullable<Seal['series']>>): Seal => ({
  ...seal,
  series: { ...(seal.series as NonNullable<Seal['series']>), ...overrides },
})

describe('a series seal', () => {
  it('holds, and survives formatting and parsing', () => {
    const report = verifySeriesSeal(parseSeriesSeal(formatSeriesSeal(series)), verifyOptions)
    assert.equal(report.outcome, 'holds')
    assert.equal(report.statement.count, 5n)
    assert.deepEqual(parseSeriesSeal(formatSeriesSeal(series)), series)
  })

  it('covers UID, data set, file and statement of each image, in the order of the UIDs', () => {
    assert.deepEqual(
      series.entries.map(({ sopInstanceUid }) => sopInstanceUid),
      ['2.25.1000', '2.25.1001', '2.25.1002', '2.25.1003', '2.25.1004'],
    )
    const entry = seriesEntry((seals[0] as Seal).statement, hashes)
    assert.deepEqual(
      encodeSeriesEntry(entry),
      Uint8Array.from([...encodeUtf8('2.25.1000'), 0, ...entry.dataset, ...entry.file, ...entry.statement]),
    )
  })

  it('orders UIDs as text, whatever order they come in', async () => {
    const entry = (sopInstanceUid: string): SeriesEntry => ({
      sopInstanceUid,
      dataset: sha256(),
      file: sha256(),
      statement: sha256(),
    })
    assert.deepEqual(
      sortSeries([entry('1.9'), entry('1.10'), entry('1.1')]).map(({ sopInstanceUid }) => sopInstanceUid),
      ['1.1', '1.10', '1.9'],
    )
    assert.throws(() => sortSeries([entry('1.1'), entry('1.1')]), TypeError)
    assert.throws(() => sortSeries([entry('')]), TypeError)
    assert.deepEqual((await toySeries(seals.toReversed())).entries, series.entries)
  })

  it('fails with an image left out, added, changed or moved', () => {
    const { entries } = series
    const changed = { ...(entries[0] as SeriesEntry), file: sha256() }
    for (const other of [entries.slice(1), entries.slice(0, -1), entries.toReversed(), entries.with(0, changed), []]) {
      assert.deepEqual(seriesFlawsOf({ ...series, entries: other }), ['series fails series_other'])
    }
  })

  it('fails without one of the technologist’s signatures', () => {
    for (const i of [0, 1]) {
      const envelope = { ...series.envelope, signatures: series.envelope.signatures.toSpliced(i, 1) }
      const flaws = seriesFlawsOf({ ...series, envelope })
      assert.ok(flaws.includes(`${i === 0 ? 'operator_statement' : 'operator_post_quantum'} fails signature_missing`))
    }
  })

  it('is not a device’s to sign', async () => {
    const robot = toyHolder('device', 'Müller, Änne')
    const signers = { statement: robot.statement, postQuantum: robot.postQuantum }
    const operator = { ...operatorFacts, certificates: certificatesOf(signers, hashes) }
    const statement = {
      isDemo: true,
      studyInstanceUid: null,
      seriesInstanceUid: '2.25.2',
      operator,
      signedAt: seriesSignedAt,
      checkpoint: null,
    }
    const seal = await toySeries(seals, { statement, signers })
    assert.deepEqual(seriesFlawsOf(seal), [
      'operator_statement fails role_wrong',
      'operator_post_quantum fails role_wrong',
    ])
  })
})

describe('an image of a series', () => {
  it('waits for its technologist until the series is signed', () => {
    assert.deepEqual(flawsOf(seals[0] as Seal), [
      'series unknown series_pending',
      'operator_statement unknown series_pending',
      'operator_post_quantum unknown series_pending',
    ])
    assert.equal(verifySeal(seals[0] as Seal, verifyOptions).outcome, 'unknown')
  })

  it('holds with its proof, wherever it stands in the series', () => {
    for (const seal of attached) {
      const report = verifySeal(parseSeal(formatSeal(seal)), verifyOptions)
      assert.equal(report.outcome, 'holds')
      assert.deepEqual(report.provenAt, new Date(sealedAt.getTime() + 2000))
      assert.deepEqual(report.operatorProvenAt, new Date(seriesSignedAt.getTime() + 1000))
    }
  })

  it('holds alone in its series', async () => {
    const alone = await seriesOf(1)
    assert.equal(verifySeal(alone.attached[0] as Seal, verifyOptions).outcome, 'holds')
  })

  it('fails with the proof or the place of another image', () => {
    const other = second.series as NonNullable<Seal['series']>
    assert.deepEqual(flawsOf({ ...first, series: other }), ['series fails series_proof_wrong'])
    assert.deepEqual(flawsOf(withSeries(first, { index: 1n })), ['series fails series_proof_wrong'])
    assert.deepEqual(flawsOf(withSeries(first, { index: 5n })), ['series fails series_proof_wrong'])
    assert.deepEqual(flawsOf(withSeries(first, { proof: [] })), ['series fails series_proof_wrong'])
  })

  it('gets no proof from a series that it is not in', async () => {
    const stranger = await toySealInSeries(77)
    assert.equal(new SeriesProver(series, hashes).attach(stranger), undefined)
    assert.deepEqual(flawsOf({ ...stranger, series: first.series }), ['series fails series_proof_wrong'])
  })

  it('fails under another series, another study or another technologist', async () => {
    const statement = {
      isDemo: true,
      studyInstanceUid: '2.25.1',
      seriesInstanceUid: '2.25.2',
      operator: (seals[0] as Seal).statement.operator,
      signedAt: seriesSignedAt,
      checkpoint: null,
    }
    const others = [
      { ...statement, seriesInstanceUid: '2.25.3' },
      { ...statement, studyInstanceUid: null },
      { ...statement, isDemo: false },
      { ...statement, operator: { ...statement.operator, id: 'u18' } },
    ]
    for (const other of others) {
      const signed = await toySeries(seals, { statement: other })
      const seal = new SeriesProver(signed, hashes).attach(seals[0] as Seal) as Seal
      assert.ok(flawsOf(seal).includes('series fails series_other'))
    }
    const colleague = toyHolder('person', 'Colleague')
    const signers = { statement: colleague.statement, postQuantum: colleague.postQuantum }
    const operator = { id: 'u18', name: 'Colleague', certificates: certificatesOf(signers, hashes) }
    const signed = await toySeries(seals, { statement: { ...statement, operator }, signers })
    const seal = new SeriesProver(signed, hashes).attach(seals[0] as Seal) as Seal
    assert.equal(verifySeal(seal, verifyOptions).outcome, 'fails')
  })

  it('fails with a series whose signatures were taken away', () => {
    const { envelope } = first.series as NonNullable<Seal['series']>
    const stripped = withSeries(first, {
      envelope: { ...envelope, signatures: envelope.signatures.slice(0, 1) },
      timestamps: [],
    })
    assert.ok(flawsOf(stripped).includes('operator_post_quantum fails signature_missing'))
  })

  it('is open about the technologist’s time without a token of its own', () => {
    assert.deepEqual(flawsOf(withSeries(first, { timestamps: [] })), ['operator_time unknown timestamp_absent'])
  })

  it('never holds after damage to any byte of its file', () => {
    const file = formatSeal(first)
    const start = decodeUtf8(file).indexOf('"series"')
    let checked = 0
    for (let i = start; i < file.length; i += 11) {
      const damaged = file.slice()
      damaged[i] = (damaged[i] as number) ^ (1 << (i % 8))
      let seal: Seal
      try {
        seal = parseSeal(damaged)
      } catch (error) {
        assert.ok(error instanceof FormatError)
        continue
      }
      const isTokenAlone =
        JSON.stringify(seal.series?.envelope) === JSON.stringify(first.series?.envelope) &&
        String(seal.series?.timestamps) !== String(first.series?.timestamps)
      // Tokens have places that nobody signs; seal.test.ts looks at those.
      if (!isTokenAlone) assert.notEqual(verifySeal(seal, verifyOptions).outcome, 'holds', `byte ${i}`)
      checked++
    }
    assert.ok(checked > 50, `${checked} readable`)
  })
})

describe('signSeries', () => {
  it('refuses certificates other than those of the signers', async () => {
    const { operator } = await toySeal().then(({ statement }) => statement)
    const statement = {
      isDemo: true,
      studyInstanceUid: null,
      seriesInstanceUid: '2.25.2',
      operator,
      signedAt: seriesSignedAt,
      checkpoint: null,
    }
    await assert.rejects(toySeries(seals, { statement, signers: operatorOfSeries }), TypeError)
  })

  it('refuses a series without an image', async () => {
    await assert.rejects(
      toySeries(seals, { entries: [] }),
      (error) => error instanceof FormatError && error.code === 'statement_malformed',
    )
  })
})

describe('a series statement', () => {
  const good = series.statement
  const edited = (edit: (value: Json) => void): Uint8Array => {
    const value = JSON.parse(decodeUtf8(formatSeriesStatement(good))) as Json
    edit(value)
    return encodeUtf8(formatCanonicalJson(value))
  }
  const isMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'statement_malformed'

  it('survives formatting and parsing', () => {
    assert.deepEqual(parseSeriesStatement(formatSeriesStatement(good)), good)
    const checkpoint = { origin: 'example-hospital.example/log', size: 5n, root: new Uint8Array(32).fill(9) }
    const quoting = { ...good, checkpoint }
    assert.deepEqual(parseSeriesStatement(formatSeriesStatement(quoting)), quoting)
  })

  const refusals: readonly { readonly name: string; readonly edit: (value: Json) => void }[] = [
    {
      name: 'the predicate of an image',
      edit: (value) => {
        value.predicateType = 'https://fiducial.dev/acquisition/v1'
      },
    },
    {
      name: 'a subject of another name',
      edit: (value) => {
        ;((value.subject as Json[])[0] as Json).name = '2.25.3'
      },
    },
    {
      name: 'a root under another name',
      edit: (value) => {
        ;((value.subject as Json[])[0] as Json).digest = { sha256: '00'.repeat(32) }
      },
    },
    {
      name: 'no images',
      edit: (value) => {
        ;(value.predicate as Json).count = '0'
      },
    },
    {
      name: 'too many images',
      edit: (value) => {
        ;(value.predicate as Json).count = '100001'
      },
    },
    {
      name: 'an unknown field',
      edit: (value) => {
        ;(value.predicate as Json).note = ''
      },
    },
    {
      name: 'a checkpoint of an empty log',
      edit: (value) => {
        ;(value.predicate as Json).checkpoint = { origin: 'example.org/log', size: '0', root: '00'.repeat(32) }
      },
    },
    {
      name: 'a missing checkpoint',
      edit: (value) => {
        delete (value.predicate as Json).checkpoint
      },
    },
    {
      name: 'a missing field',
      edit: (value) => {
        delete (value.predicate as Json).operator
      },
    },
  ]
  for (const { name, edit } of refusals) {
    it(`refuses ${name}`, () => assert.throws(() => parseSeriesStatement(edited(edit)), isMalformed))
  }
})
