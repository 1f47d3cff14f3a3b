/**
 * A custody log beside the seals of a gateway: its time stands in for timestamps, and outlives the certificates of the
 * gateway; it knows the very seal, and what was stripped or put in the place of an image.
 *
 * The log here is a list that answers as a log does which has verified what it says. That a real one finds the seals, is
 * tested in packages/node/src/services/log/gateway-seal-news.test.ts.
 */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { equalBytes } from '@fiducial/core/bytes/text.ts'
import { flipPixel, stripAll, swapPatient } from '@fiducial/core/domain/forge/forgeries.ts'
import type { InstanceRecord, LogEvidence } from '@fiducial/core/domain/log/logged-instance.ts'
import { newsOfGatewaySeal } from '../services/log/gateway-seal-news.ts'
import type { InstanceLog } from '../services/ports.ts'
import type { VerifiedInstance } from '../services/verify-instance.ts'
import { sharedSkip, temporaryFolder } from '../testing/peers.ts'
import { createGatewaySite, type GatewaySite } from './gateway-site.ts'
import { complaints, type SealedImage, sha256 } from './sealing-site.ts'
import { subjectNamed } from './signature-subjects.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const YEARS = 5 * 365 * DAY

describe('the seal of a gateway beside a custody log', { skip: sharedSkip }, () => {
  const folder = temporaryFolder()
  const { bytes } = subjectNamed('CTImage.dcm')
  let hospital: GatewaySite
  let ct: SealedImage
  before(async () => {
    hospital = await createGatewaySite(folder)
    ct = await hospital.receive(bytes)
  })

  /** What the log would record of an image that came and was sealed. */
  const recordsOf = ({ seal }: SealedImage, original: Uint8Array): readonly InstanceRecord[] => {
    const news = newsOfGatewaySeal(seal, hospital.site.dependencies.crypto.hash)
    assert.ok(news.type === 'sealed-at-gateway' && news.digests && news.at)
    const { dataset, frames, file } = news.digests
    const content = { ...(dataset && { dataset }), ...(frames && { frames: frames.root }) }
    const about = { at: news.at, sopInstanceUid: String(news.instance?.sopInstanceUid) }
    return [
      { ...about, index: 4n, type: 'received', digests: { ...content, file: sha256(original) } },
      {
        ...about,
        index: 5n,
        type: news.type,
        digests: { ...content, ...(file && { file }) },
        gatewaySeal: news.details.seal,
        deviceCertificate: news.details.certificate,
      },
    ]
  }

  /** @param delayMs  after the seal, when the log is known to have had it; null where nobody says */
  const logOf = (records: readonly InstanceRecord[], delayMs: number | null = MINUTE): InstanceLog => ({
    async lookUp({ gatewaySeal, digests, sopInstanceUid }): Promise<LogEvidence> {
      const isSame = (a?: Uint8Array, b?: Uint8Array): boolean => a !== undefined && b !== undefined && equalBytes(a, b)
      const found = records.filter(
        (record) =>
          record.sopInstanceUid === sopInstanceUid ||
          (['file', 'dataset', 'frames'] as const).some((kind) => isSame(record.digests[kind], digests[kind])),
      )
      const own = records.find((record) => isSame(record.gatewaySeal, gatewaySeal?.sha256))
      const notAfter = own && delayMs !== null && new Date(own.at.getTime() + delayMs)
      return {
        state: 'consulted',
        origin: 'example.org/log',
        size: 9n,
        isWitnessed: true,
        records: found,
        ...(own && { entry: { index: own.index, inclusion: 'holds', ...(notAfter && { notAfter }) } }),
      }
    },
  })

  const lines = ({ verdict, level, content }: VerifiedInstance): readonly string[] => [verdict, level, content]
  const toldBy = ({ checks }: VerifiedInstance, subject: string): readonly string[] =>
    complaints(checks.filter((check) => check.subject === subject))

  it('has a proven time, and stays at P2', async () => {
    const found = await hospital.verify(ct.image, ct.seal, { log: logOf(recordsOf(ct, bytes)) })
    assert.deepEqual(lines(found), ['authentic', 'P2', 'unchanged'])
    assert.deepEqual([...toldBy(found, 'time'), ...toldBy(found, 'log')], [])
    assert.match(
      found.sentence,
      /from AE CT1 on \d+ \w+ \d{4} at \d\d:\d\d UTC\. .* The custody log has a record of it\./,
    )
  })

  it('outlives the certificates of the gateway by the time of the log, and not without it', async () => {
    const later = { now: () => new Date(Date.now() + YEARS) }
    const log = logOf(recordsOf(ct, bytes))
    const found = await hospital.verify(ct.image, ct.seal, { ...later, log })
    assert.deepEqual(lines(found), ['authentic', 'P2', 'unchanged'], complaints(found.checks).join(', '))
    for (const weaker of [undefined, logOf(recordsOf(ct, bytes), null), logOf(recordsOf(ct, bytes), 2 * DAY)]) {
      const open = await hospital.verify(ct.image, ct.seal, { ...later, ...(weaker && { log: weaker }) })
      // A log that does not say since when still has a record of the very file.
      assert.deepEqual([open.verdict, open.level], ['undetermined', weaker === undefined ? 'P0' : 'P1'])
      assert.deepEqual(toldBy(open, 'seal'), ['seal: time_unproven'])
    }
  })

  it('does not outlive a key that was stolen', async () => {
    const { id } = await hospital.site.ring.enrolGateway({ name: 'Stolen' })
    const gateway = { id, keys: await hospital.site.ring.gatewaySigners(id) }
    const sealed = await hospital.receive(bytes, { gateway })
    const log = logOf(recordsOf(sealed, bytes))
    assert.equal((await hospital.verify(sealed.image, sealed.seal, { log })).verdict, 'authentic')
    await hospital.site.ring.revoke(id, 'keyCompromise')
    const found = await hospital.verify(sealed.image, sealed.seal, { log, anchors: hospital.site.ring.trust() })
    assert.deepEqual([found.verdict, found.level], ['not_authentic', 'P0'])
  })

  it('is doubted where the log has another seal of the image', async () => {
    const again = await hospital.receive(bytes)
    const found = await hospital.verify(again.image, again.seal, { log: logOf(recordsOf(ct, bytes)) })
    assert.deepEqual(toldBy(found, 'log'), ['log: seal_unrecorded'])
    assert.equal(found.verdict, 'undetermined')
  })

  it('shows a file that was stripped and changed, or encoded anew', async () => {
    const log = logOf(recordsOf(ct, bytes))
    const stripped = swapPatient(stripAll(ct.image))
    const found = await hospital.verify(stripped, undefined, { log })
    assert.deepEqual(toldBy(found, 'log'), ['log: stripped'])
    assert.deepEqual([found.verdict, found.level], ['not_authentic', 'P0'])
    const replaced = await hospital.verify(flipPixel(stripAll(ct.image)), undefined, { log })
    assert.deepEqual(toldBy(replaced, 'log'), ['log: replaced', 'log: stripped'])
  })

  it('knows the file that came, and the sealed one without its seal', async () => {
    const log = logOf(recordsOf(ct, bytes))
    for (const file of [bytes, ct.image]) {
      const found = await hospital.verify(file, undefined, { log })
      assert.deepEqual(toldBy(found, 'log'), [])
      assert.deepEqual(lines(found), ['undetermined', 'P1', 'unchanged'])
    }
  })

  it('shows another picture that a gateway sealed under the same identifier later', async () => {
    const other = await hospital.receive(flipPixel(bytes))
    const found = await hospital.verify(other.image, other.seal, { log: logOf(recordsOf(ct, bytes)) })
    assert.deepEqual(toldBy(found, 'log'), ['log: replaced'])
    assert.equal(found.verdict, 'not_authentic')
  })
})
