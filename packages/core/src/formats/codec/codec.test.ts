import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError, StoreError } from '../../errors.ts'
import { createCodecs, isLosslessSyntax, isSupportedSyntax, type LoadWasm } from './codec.ts'

const JPEG = '1.2.840.10008.1.2.4.'
const LOSSLESS = [
  '1.2.840.10008.1.2.5',
  '1.2.840.10008.1.2.8.1',
  ...['57', '70', '80', '90', '201', '202'].map((end) => JPEG + end),
]
const LOSSY = ['50', '51', '53', '55', '81', '91', '203'].map((end) => JPEG + end)
const UNKNOWN = ['', '1.2.840.10008.1.2', '1.2.840.10008.1.2.1.99', `${JPEG}52`, `${JPEG}102`, `${JPEG}110`]

const noWasm: LoadWasm = () => Promise.reject(new StoreError('input_missing', 'no such file'))

describe('transfer syntaxes (PS3.5 annex A.4)', () => {
  it('are lossless, lossy, or have no decoder', () => {
    for (const uid of [...LOSSLESS, ...LOSSY]) assert.ok(isSupportedSyntax(uid), uid)
    for (const uid of LOSSLESS) assert.ok(isLosslessSyntax(uid), uid)
    for (const uid of [...LOSSY, ...UNKNOWN]) assert.ok(!isLosslessSyntax(uid), uid)
    for (const uid of UNKNOWN) assert.ok(!isSupportedSyntax(uid), uid)
  })

  it('without a decoder are refused', async () => {
    for (const uid of UNKNOWN) {
      await assert.rejects(
        createCodecs(noWasm).load(uid),
        (error) => error instanceof FormatError && error.code === 'codec_unsupported',
      )
    }
  })

  it('of our own decoders need no WASM', async () => {
    const codecs = createCodecs(noWasm)
    for (const uid of ['1.2.840.10008.1.2.5', '1.2.840.10008.1.2.8.1', `${JPEG}50`, `${JPEG}70`]) {
      assert.equal(typeof (await codecs.load(uid)).decode, 'function')
    }
  })

  it('pass on what the port throws, and ask again the next time', async () => {
    let calls = 0
    const codecs = createCodecs((name) => {
      calls++
      return noWasm(name)
    })
    for (let i = 0; i < 2; i++) await assert.rejects(codecs.load(`${JPEG}80`), StoreError)
    assert.equal(calls, 2)
  })

  it('check the shape before the codestream', async () => {
    const codec = await createCodecs(noWasm).load('1.2.840.10008.1.2.5')
    const shape = {
      ...{ rows: 65535, columns: 65535, samplesPerPixel: 1, bitsAllocated: 16, bitsStored: 16 },
      ...{ isSigned: false, planarConfiguration: 0, photometricInterpretation: 'MONOCHROME2' },
    }
    assert.throws(
      () => codec.decode(new Uint8Array(0), shape),
      (error) => error instanceof FormatError && error.code === 'dicom_limit_exceeded',
    )
  })
})
