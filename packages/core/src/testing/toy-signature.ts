/** Toy signature: DICOM signatures with toy keys over small data sets, for tests of the rules of signatures. */
import { memorySource } from '../bytes/source.ts'
import { joinBytes } from '../bytes/text.ts'
import { Digests } from '../domain/signature/digest.ts'
import { type SignatureRequest, signFile } from '../domain/signature/sign.ts'
import { type SignaturesReport, type VerifyOptions, verifySignatures } from '../domain/signature/verify.ts'
import { type DicomFile, parseDicom } from '../formats/dicom/parse.ts'
import { type Change, piecesOf, spliceFile } from '../formats/dicom/splice.ts'
import { toyKey } from './toy-pki.ts'
import { anchors, hashes, now, toyCrypto, toyHolderCertificate, toySigner } from './toy-seal.ts'

export const CLAIMED = '20260303101400.123000+0000'

export const deviceSigner = toySigner(toyHolderCertificate('device', { name: 'Room 2', spki: toyKey('room') }))
export const personSigner = toySigner(toyHolderCertificate('person', { name: 'Aenne', spki: toyKey('person') }))

/** The toy device signs everything. */
export const toyRequest = (more: Partial<SignatureRequest> = {}): SignatureRequest => ({
  signer: deviceSigner,
  hash: 'sha256',
  purpose: '14',
  uid: '2.25.7001',
  dateTime: CLAIMED,
  ...more,
})

export const toyAssemble = (file: DicomFile, changes: readonly Change[]): Uint8Array =>
  joinBytes([...piecesOf(spliceFile(file, changes))])

export const toyReparse = (bytes: Uint8Array): DicomFile => parseDicom(memorySource(bytes))

/** The file as it is after signing; one signature of the device where nothing else is asked for. */
export async function toySigned(file: DicomFile, ...requests: readonly SignatureRequest[]): Promise<DicomFile> {
  const digests = new Digests(file.dataSet, hashes)
  const asked = requests.length === 0 ? [toyRequest()] : requests
  const { changes } = await signFile(file, { digests, crypto: toyCrypto, requests: asked })
  return toyReparse(toyAssemble(file, changes))
}

export const toyVerify = (file: DicomFile, more: Partial<VerifyOptions> = {}): SignaturesReport =>
  verifySignatures(file, {
    digests: new Digests(file.dataSet, hashes),
    crypto: toyCrypto,
    anchors,
    now,
    ...more,
  })
