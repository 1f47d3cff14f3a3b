/**
 * Audit trails of a running gateway: a syslog server and a FHIR server of others are told of everything that the log holds,
 * though the gateway is killed in the middle, and though one of them refuses what it is told now and then.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { repositorySkip, startAuditRepository } from '../testing/audit-repository.ts'
import { dcmtk } from '../testing/dcmtk.ts'
import { FAST_RETRY, makeFiles, type Owner, startGateway, startTaker, storeFiles } from '../testing/gateway-peers.ts'
import { temporaryFolder } from '../testing/peers.ts'

const skip = dcmtk.skip || repositorySkip

/** A FHIR server: refuses every third bundle, and one entry of every fifth. */
async function startFhir(owner: Owner) {
  const indexes = new Set<string>()
  const seen = { bundles: 0, refused: 0 }
  const url = await startTaker(owner, (body) => {
    const { entry } = JSON.parse(body) as { entry: { resource: unknown }[] }
    seen.bundles++
    if (seen.bundles % 3 === 1) {
      seen.refused++
      return { status: 503, body: '{}' }
    }
    const isPartly = seen.bundles % 5 === 0
    if (isPartly) seen.refused++
    for (const [i, { resource }] of entry.entries()) {
      if (isPartly && i === 0) continue
      indexes.add(indexOfFhir(resource))
    }
    const entries = entry.map((_, i) => ({ response: { status: isPartly && i === 0 ? '422' : '201 Created' } }))
    return { status: 200, body: JSON.stringify({ resourceType: 'Bundle', type: 'batch-response', entry: entries }) }
  })
  return { url, indexes, seen }
}

describe('audit messages of a running gateway', { skip }, () => {
  it('tells a syslog server and a FHIR server of every event of the log, though it is killed in the middle', async (t) => {
    const home = temporaryFolder(t)
    const repository = await startAuditRepository(t, 'anon')
    const fhir = await startFhir(t)
    const caPath = repository.ca.certificatePath
    const gateway = await startGateway(
      t,
      home,
      `audit:
  syslog: tls://localhost:${repository.target.port}
  syslogCa: ${caPath}
  fhirUrl: ${fhir.url}
${FAST_RETRY}`,
    )
    const sops = Array.from({ length: 24 }, (_, i) => `2.25.41${i}`)
    const files = makeFiles(home, sops)
    assert.equal((await storeFiles(gateway, ...files.slice(0, 12))).code, 0)
    await gateway.until('FHIR was told of something', async () => (fhir.indexes.size > 0 ? true : undefined))
    assert.equal((await storeFiles(gateway, ...files.slice(12, 20))).code, 0)
    await gateway.end('SIGKILL')
    await gateway.start()
    assert.equal((await storeFiles(gateway, ...files.slice(20))).code, 0)
    const { log } = await gateway.settled()
    const size = Number(log?.size)
    // Each image is at least received and judged.
    assert.ok(size >= 2 * sops.length, String(size))
    const expected = Array.from({ length: size }, (_, i) => String(i))
    await gateway.until('FHIR was told', async () => (fhir.indexes.size >= size ? true : undefined))
    assert.deepEqual([...fhir.indexes].toSorted(byNumber), expected)
    assert.ok(fhir.seen.refused > 0)
    const lines = await gateway.until('rsyslog was told', async () => {
      const taken = await repository.lines(1)
      return new Set(taken.map(indexOfLine)).size >= size ? taken : undefined
    })
    assert.deepEqual([...new Set(lines.map(indexOfLine))].toSorted(byNumber), expected)
    t.diagnostic(
      `${size} events; ${lines.length} messages to rsyslog; ${fhir.seen.bundles} bundles, ${fhir.seen.refused} refused`,
    )
  })
})

/** Index in the log that a DICOM audit message names: in base64, as details are. */
function indexOfLine(line: string): string {
  const [, value = ''] = /ParticipantObjectDetail type="index" value="([^"]+)"/.exec(line) ?? []
  return Buffer.from(value, 'base64').toString('latin1')
}

function indexOfFhir(resource: unknown): string {
  const { entity } = resource as { entity: { detail?: { type: string; valueString?: string }[] }[] }
  const details = entity.flatMap(({ detail = [] }) => detail)
  return details.find(({ type }) => type === 'index')?.valueString ?? ''
}

const byNumber = (a: string, b: string): number => Number(a) - Number(b)
