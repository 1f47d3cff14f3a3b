/**
 * Gateway operations: what a running gateway tells those who watch it: traces that go on across a restart, measurements that
 * agree with its status, and log lines that name nobody.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { text } from '@fiducial/core/formats/dicom/values.ts'
import { dcmtk, runDcmtk } from '../testing/dcmtk.ts'
import {
  FAST_RETRY,
  makeToken,
  type Owner,
  startGateway,
  startTaker,
  storeByWeb,
  storeFiles,
} from '../testing/gateway-peers.ts'
import { makeImage } from '../testing/gateway-site.ts'
import { orthanc, startOrthanc } from '../testing/orthanc.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { parseExposition, sumOf } from '../testing/prometheus-text.ts'

const skip = dcmtk.skip || orthanc.skip
interface Span {
  readonly traceId: string
  readonly name: string
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[]
}

/** A collector of traces by OTLP over HTTP. */
async function startCollector(owner: Owner) {
  const spans: Span[] = []
  const url = await startTaker(owner, (body, request) => {
    assert.equal(request.url, '/v1/traces')
    const { resourceSpans } = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] }
    spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)))
    return { status: 200, body: '{}' }
  })
  return { url: `${url}/v1/traces`, spans }
}

/** What must not be in a line, a span or a measurement. */
const MARKS = { name: 'ZZMARKEDNAME', id: 'ZZ-4711-MARK', birth: '19010203', accession: 'ZZACC99' }
const markedElements = [
  text(0x00080050, 'SH', MARKS.accession),
  text(0x00100010, 'PN', `${MARKS.name}^FIRST`),
  text(0x00100020, 'LO', MARKS.id),
  text(0x00100030, 'DA', MARKS.birth),
]

function assertNamesNobody(said: string): void {
  for (const mark of [...Object.values(MARKS), '2.25.42']) {
    const at = said.indexOf(mark)
    assert.equal(at, -1, `${mark} is told: ${said.slice(Math.max(0, at - 200), at + 50)}`)
  }
}

describe('what a running gateway is watched by', { skip }, () => {
  it('tells traces across a restart, measurements that agree, and lines that name nobody', async (t) => {
    const home = temporaryFolder(t)
    const folder = temporaryFolder(t)
    const collector = await startCollector(t)
    const pacs = await startOrthanc({}, t)
    await pacs.stop()
    const gateway = await startGateway(
      t,
      home,
      `pacs: ${pacs.aet}@127.0.0.1:${pacs.dicomPort}
telemetry: { otlpUrl: "${collector.url}" }
${FAST_RETRY}`,
    )
    const file = (sop: string, fill: number): string => {
      const path = join(folder, `${sop}-${fill}.dcm`)
      writeFileSync(path, makeImage({ sop, study: '2.25.42', fill, more: markedElements }))
      return path
    }

    assert.equal((await storeFiles(gateway, file('2.25.421', 1))).code, 0)
    await gateway.until('the PACS is missed', async () => {
      const { destinations } = await gateway.status()
      return destinations.some(({ state }) => state === 'failing') ? true : undefined
    })
    assert.equal(await gateway.end(), 0)
    await pacs.start()
    await gateway.start()
    const first = await gateway.when('2.25.421', 'done')
    // Sent twice, another one under its UID, by the wrong title, and what is no DICOM.
    assert.equal((await storeFiles(gateway, file('2.25.421', 1), file('2.25.422', 2))).code, 0)
    assert.equal((await storeFiles(gateway, file('2.25.421', 3))).code, 0)
    await runDcmtk('storescu', ['-aec', 'OTHER', '127.0.0.1', String(gateway.dicomPort), file('2.25.423', 4)])
    const sender = await makeToken(gateway, 'modality', 'sender')
    const broken = makeImage({ sop: '2.25.424', study: '2.25.42', more: markedElements }).subarray(0, 400)
    await storeByWeb(gateway, sender, broken)
    await gateway.settled()

    const monitor = await makeToken(gateway, 'prometheus', 'monitor')
    const { url } = gateway.reach()
    assert.equal((await fetch(`${url}/metrics`)).status, 401)
    const sending = { authorization: `Bearer ${sender}` }
    assert.equal((await fetch(`${url}/metrics`, { headers: sending })).status, 403)
    const scrape = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${monitor}` } })
    assert.match(scrape.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
    const exposition = await scrape.text()
    const families = parseExposition(exposition)
    const { counts, isReady, log } = await gateway.status()
    for (const [state, count] of Object.entries(counts.states))
      assert.equal(sumOf(families, 'fiducial_instances', { state }), count, state)
    for (const [state, count] of Object.entries(counts.deliveries))
      assert.equal(sumOf(families, 'fiducial_deliveries', { state }), count, state)
    assert.equal(sumOf(families, 'fiducial_gateway_ready'), isReady ? 1 : 0)
    assert.equal(sumOf(families, 'fiducial_log_entries'), Number(log?.size))
    // Since the second start: one again, one new, one under a UID that was used, one broken.
    const received = await gateway.list('limit=100')
    assert.equal(sumOf(families, 'fiducial_instances_received_total'), received.length - 1)
    assert.equal(sumOf(families, 'fiducial_deliveries_total', { outcome: 'sent' }), 2)
    assert.equal(sumOf(families, 'fiducial_reasons_total', { reason: 'uid_reused' }), 1)
    assert.ok(sumOf(families, 'fiducial_associations_total', { end: 'rejected' }) >= 1)

    // The rest of the spans goes with the gateway.
    assert.equal(await gateway.end(), 0)
    const ofFirst = Map.groupBy(collector.spans, ({ traceId }) => traceId)
    const whole = [...ofFirst.values()].filter((spans) =>
      ['receive', 'judge', 'deliver'].every((name) => spans.some((span) => span.name === name)),
    )
    assert.equal(whole.length, 2, 'an image is not one trace')
    assert.equal(first.deliveries.length, 1)
    assertNamesNobody(JSON.stringify(collector.spans))
    assertNamesNobody(exposition)
    assert.ok(gateway.logLines.includes('judged') && gateway.logLines.includes('held back'))
    assertNamesNobody(gateway.logLines)
  })
})
