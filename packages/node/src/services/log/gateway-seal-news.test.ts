/** The seal of a gateway in a log: how it comes there, and how it is found again with the seal and without. */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import type { ConsultedLog, GatewaySealMark, LogEvidence } from '@fiducial/core/domain/log/logged-instance.ts'
import { formatGatewaySeal, formatSeal } from '@fiducial/core/domain/seal/seal.ts'
import { believe } from '@fiducial/core/domain/verdict/belief.ts'
import { type Evidence, gatherEvidence } from '@fiducial/core/domain/verdict/evidence.ts'
import { judge } from '@fiducial/core/domain/verdict/judge.ts'
import { askAbout } from '@fiducial/core/domain/verdict/log-question.ts'
import { GATEWAY_POLICY } from '@fiducial/core/domain/verdict/policy.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { toyGatewaySeal, toyGatewayStatement } from '@fiducial/core/testing/toy-gateway.ts'
import { sha256 } from '@fiducial/core/testing/toy-pki.ts'
import { sealedAt, toyDescription, toyElements, toySeal, verifyOptions } from '@fiducial/core/testing/toy-seal.ts'
import { nativeCrypto } from '../../keys/native-crypto.ts'
import { ORIGIN } from '../../testing/log-site.ts'
import { MemorySite } from '../../testing/memory-site.ts'
import { findGatewaySealEntry } from './find-entries.ts'
import { newsOfGatewaySeal } from './gateway-seal-news.ts'
import { ConsultedInstanceLog, type InstanceLogOptions } from './instance-log.ts'

const { hash } = nativeCrypto
const file = parseDicom(
  memorySource(joinBytes([...encodeFile({ transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN, elements: toyElements() })])),
)
const original = sha256(file.source.view(0, file.source.length))
const MINUTE = 60_000

/** A seal of the toy image as it came, in which the gateway has not signed. */
async function makeSeal(): Promise<Uint8Array> {
  const description = toyDescription(file)
  const statement = toyGatewayStatement(description, { original })
  return formatGatewaySeal(await toyGatewaySeal({ statement, frames: description.frames }))
}

describe('the seal of a gateway in a log', () => {
  const site = new MemorySite()
  let seal: Uint8Array
  let evidence: Evidence
  before(async () => {
    seal = await makeSeal()
    evidence = gatherEvidence(file, seal, verifyOptions)
    await site.fill(async ({ recorder }) => {
      await recorder.record(newsOfGatewaySeal(seal, hash))
      // What happens to the image afterwards names it, too.
      const { instance, digests } = newsOfGatewaySeal(seal, hash)
      const details = { toAet: 'PACS', toAddress: null, protocol: 'dimse' }
      await recorder.record({ type: 'forwarded', instance, digests, details })
    })
  })

  const logOf = (options: Partial<InstanceLogOptions> = {}): ConsultedInstanceLog =>
    new ConsultedInstanceLog({
      crypto: nativeCrypto,
      view: () => site.view(),
      records: site.ports.records,
      times: () => ({ notAfter: async () => new Date(sealedAt.getTime() + MINUTE), notBefore: async () => undefined }),
      origin: ORIGIN,
      isOurs: () => true,
      ...options,
    })
  const consulted = (found: LogEvidence): ConsultedLog => {
    assert.equal(found.state, 'consulted')
    return found as ConsultedLog
  }

  it('is recorded without a word of where the image came from, and for which order', async () => {
    const payload = await site.ports.records.payload(0n)
    const text = new TextDecoder().decode(payload as Uint8Array)
    for (const word of ['CT1', 'A-17', 'RP-1', 'SPS-1', 'Müller', '192.0.2.7'])
      assert.equal(text.includes(word), false, word)
  })

  it('is found again by its digest, proven, with the time of its entry', async () => {
    const { entry, records } = consulted(await logOf().lookUp(askAbout(evidence)))
    assert.deepEqual([entry?.index, entry?.inclusion], [0n, 'holds'])
    assert.deepEqual(
      records.map(({ type }) => type),
      ['sealed-at-gateway', 'forwarded'],
    )
    assert.deepEqual(records[0]?.gatewaySeal, sha256(seal))
    assert.deepEqual(
      records[0]?.deviceCertificate,
      believe(evidence.seal)?.signers.gateway && sha256(believe(evidence.seal)?.signers.gateway?.bytes as Uint8Array),
    )
    const found = await findGatewaySealEntry(sha256(seal), { view: await site.view(), records: site.ports.records })
    assert.equal(found?.index, 0n)
  })

  it('makes the time of the seal, which has no timestamp, one that is proven', async () => {
    const log = await logOf().lookUp(askAbout(evidence))
    const judged = judge({ ...evidence, log }, GATEWAY_POLICY)
    assert.deepEqual([judged.verdict, judged.level], ['authentic', 'P2'])
    assert.match(
      judged.sentence,
      /received it from AE CT1 on 3 March 2026 at 10:13 UTC\..* The custody log has a record of it\./,
    )
  })

  it('is another one where the gateway sealed again, and the log was not told', async () => {
    const again = gatherEvidence(file, await makeSeal(), verifyOptions)
    const other = formatGatewaySeal(
      await toyGatewaySeal({
        statement: toyGatewayStatement(toyDescription(file), { original, technologist: null }),
        frames: toyDescription(file).frames,
      }),
    )
    assert.equal(consulted(await logOf().lookUp(askAbout(again))).entry?.index, 0n)
    const unknown = gatherEvidence(file, other, verifyOptions)
    const log = await logOf().lookUp(askAbout(unknown))
    assert.equal(consulted(log).entry, undefined)
    const checks = judge({ ...unknown, log }, GATEWAY_POLICY).checks.filter(({ subject }) => subject === 'log')
    assert.deepEqual(checks, [{ subject: 'log', outcome: 'unknown', reason: 'seal_unrecorded', where: ['entry 0'] }])
    assert.equal(
      await findGatewaySealEntry(sha256(other), { view: await site.view(), records: site.ports.records }),
      undefined,
    )
  })

  it('says nothing of the seal of another site that it does not know', async () => {
    const marks: GatewaySealMark[] = []
    const isOurs: InstanceLogOptions['isOurs'] = (asked) => {
      if ('sha256' in asked) marks.push(asked)
      return false
    }
    const { gatewaySeal } = askAbout(evidence)
    assert.ok(gatewaySeal?.root)
    const question = { digests: {}, gatewaySeal: { ...gatewaySeal, sha256: sha256() } }
    assert.deepEqual(await logOf({ isOurs }).lookUp(question), { state: 'not_consulted' })
    assert.equal(marks.length, 1)
  })

  it('is not made of anything else', async () => {
    const isSealMalformed = (error: unknown): boolean => error instanceof FormatError && error.code === 'seal_malformed'
    const acquisition = formatSeal(await toySeal())
    assert.throws(() => newsOfGatewaySeal(acquisition, hash), isSealMalformed)
    assert.throws(() => newsOfGatewaySeal(new Uint8Array(0), hash), isSealMalformed)
  })
})
