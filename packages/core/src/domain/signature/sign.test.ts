import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { digestOf, type HashName } from '../../bytes/hash.ts'
import { FormatError, KeyError } from '../../errors.ts'
import { findElement } from '../../formats/dicom/element.ts'
import {
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from '../../formats/dicom/transfer-syntax.ts'
import { readText, sq, text, us } from '../../formats/dicom/values.ts'
import { hashes, toyCrypto, toyElements, toyFile } from '../../testing/toy-seal.ts'
import {
  deviceSigner,
  personSigner,
  toyAssemble,
  toyReparse,
  toyRequest,
  toySigned,
  toyVerify,
} from '../../testing/toy-signature.ts'
import { Digests } from './digest.ts'
import { readSignatures, TAGS } from './read.ts'
import { signFile, signItem } from './sign.ts'
import { DIGITAL_SIGNATURES_SEQUENCE, isSignable, MAC_PARAMETERS_SEQUENCE } from './signable.ts'

const options = (file: ReturnType<typeof toyFile>, ...requests: readonly ReturnType<typeof toyRequest>[]) => ({
  digests: new Digests(file.dataSet, hashes),
  crypto: toyCrypto,
  requests,
})
const malformed = (error: unknown): boolean =>
  error instanceof FormatError && error.code === 'dicom_signature_malformed'

describe('signFile', () => {
  for (const syntax of [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN]) {
    it(`signs everything that can be signed, in explicit little endian, in ${syntax}`, async () => {
      const file = await toySigned(toyFile(toyElements(), syntax))
      const [signature] = readSignatures(file.dataSet).signatures
      assert.equal(signature?.macTransferSyntaxUid, EXPLICIT_LITTLE_ENDIAN)
      assert.deepEqual(
        signature?.signedTags,
        file.dataSet.elements.filter(isSignable).map(({ tag }) => tag),
      )
      assert.equal(toyVerify(file).signatures[0]?.state, 'valid')
    })
  }

  it('puts nothing but two sequences into the file, in their places, and in ascending order inside', async () => {
    const before = toyFile()
    const after = await toySigned(before)
    const added = after.dataSet.elements.filter(({ tag }) => findElement(before.dataSet.elements, tag) === undefined)
    assert.deepEqual(
      added.map(({ tag }) => tag),
      [MAC_PARAMETERS_SEQUENCE, DIGITAL_SIGNATURES_SEQUENCE],
    )
    assert.deepEqual(after.findings, [])
    assert.equal(added[0]?.start, before.dataSet.elements.find(({ tag }) => tag > MAC_PARAMETERS_SEQUENCE)?.start)
  })

  it('states the purpose with its code and meaning, or none', async () => {
    const file = await toySigned(toyFile(), toyRequest({ purpose: '1' }))
    const [item] =
      readSignatures(file.dataSet).signatures[0]?.item.elements.find(({ tag }) => tag === TAGS.purpose)?.items ?? []
    const texts = item?.elements.map((element) => readText(file.dataSet.source, element))
    assert.deepEqual(texts, ['1', 'ASTM-sigpurpose', "Author's Signature"])

    const { purpose: _, ...silent } = toyRequest()
    const none = await toySigned(toyFile(), silent)
    assert.equal(readSignatures(none.dataSet).signatures[0]?.purpose, undefined)
  })

  it('takes the lowest MAC IDs that neither sequence uses', async () => {
    const used = [
      sq(MAC_PARAMETERS_SEQUENCE, [us(TAGS.macId, 1)]),
      sq(DIGITAL_SIGNATURES_SEQUENCE, [us(TAGS.macId, 2)]),
    ]
    const file = toyFile([...toyElements(), ...used].toSorted((a, b) => a.tag - b.tag))
    const { signatures } = await signFile(file, options(file, toyRequest(), toyRequest(), toyRequest()))
    assert.deepEqual(
      signatures.map(({ macId }) => macId),
      [0, 3, 4],
    )
  })

  it('keeps the bytes of the signatures that are there', async () => {
    const one = await toySigned(toyFile(), toyRequest({ uid: '2.25.7002', signer: personSigner }))
    const two = await toySigned(one)
    for (const tag of [MAC_PARAMETERS_SEQUENCE, DIGITAL_SIGNATURES_SEQUENCE]) {
      const [before, after] = [one, two].map(({ dataSet: { elements, source } }) => {
        const element = findElement(elements, tag)
        return source.view(element?.valueStart ?? 0, element?.valueEnd ?? 0)
      })
      assert.ok(before && after && after.length > before.length)
      assert.deepEqual(after.subarray(0, before.length), before)
    }
    assert.deepEqual(
      toyVerify(two).signatures.map(({ state }) => state),
      ['valid', 'valid'],
    )
  })

  it('adds to sequences of undefined length, which stay so', async () => {
    const one = await toySigned(toyFile())
    const undefinedLength = [MAC_PARAMETERS_SEQUENCE, DIGITAL_SIGNATURES_SEQUENCE].map((tag) => {
      const element = findElement(one.dataSet.elements, tag)
      assert.ok(element)
      const content = one.dataSet.source.view(element.valueStart, element.valueEnd)
      const bytes = new Uint8Array(12 + content.length + 8)
      bytes.set(one.dataSet.source.view(element.start, element.start + 8))
      bytes.fill(0xff, 8, 12)
      bytes.set(content, 12)
      bytes.set([0xfe, 0xff, 0xdd, 0xe0], 12 + content.length)
      return { tag, bytes }
    })
    const open = toyReparse(toyAssemble(one, undefinedLength))
    const two = await toySigned(open, toyRequest({ uid: '2.25.7002', signer: personSigner }))
    assert.ok(findElement(two.dataSet.elements, DIGITAL_SIGNATURES_SEQUENCE)?.hasUndefinedLength)
    assert.deepEqual(
      toyVerify(two).signatures.map(({ state }) => state),
      ['valid', 'valid'],
    )
  })

  it('asks for a timestamp of the value without its padding', async () => {
    const asked: { name: HashName; digest: Uint8Array }[] = []
    const odd = { ...deviceSigner, signDigest: async () => Uint8Array.of(1, 2, 3) }
    const timestamp = async (name: HashName, digest: Uint8Array): Promise<Uint8Array> => {
      asked.push({ name, digest })
      return Uint8Array.of(0x30, 0)
    }
    const file = await toySigned(toyFile(), toyRequest({ signer: odd, hash: 'sha384', timestamp }))
    assert.deepEqual(asked, [{ name: 'sha384', digest: digestOf(hashes, 'sha384', Uint8Array.of(1, 2, 3)) }])
    assert.deepEqual(readSignatures(file.dataSet).signatures[0]?.value, Uint8Array.of(1, 2, 3, 0))
  })

  it('reads the pixels once for two signatures over the same elements', async () => {
    const file = toyFile()
    let digested = 0
    const counting = (name: HashName) => {
      const state = hashes(name)
      const count = (of: typeof state): typeof state => ({
        update: (bytes) => {
          digested += bytes.length
          of.update(bytes)
        },
        copy: () => count(of.copy()),
        digest: () => of.digest(),
      })
      return count(state)
    }
    const sign = async (...requests: readonly ReturnType<typeof toyRequest>[]): Promise<number> => {
      digested = 0
      const digests = new Digests(file.dataSet, counting)
      await signFile(file, { digests, crypto: toyCrypto, requests })
      return digested
    }
    const once = await sign(toyRequest())
    const twice = await sign(toyRequest(), toyRequest({ signer: personSigner }))
    assert.ok(twice - once < 400, `${once} and ${twice} bytes`)
    assert.ok(once > file.dataSet.end - file.dataSet.start - 100)
  })

  it('refuses a data set with nothing to sign, and a list with what cannot be signed', async () => {
    const file = toyFile()
    await assert.rejects(signFile(file, options(file, toyRequest({ tags: [] }))), malformed)
    await assert.rejects(signFile(file, options(file, toyRequest({ tags: [0x00990001] }))), malformed)
    await assert.rejects(signFile(file, options(file, toyRequest({ tags: [0x00100010, 0x00291010] }))), malformed)
  })

  it('lets the error of a signer through', async () => {
    const file = toyFile()
    const broken = {
      ...deviceSigner,
      signDigest: async () => {
        throw new KeyError('token_refused', 'wrong PIN')
      },
    }
    await assert.rejects(signFile(file, options(file, toyRequest({ signer: broken }))), (error) => {
      return error instanceof KeyError && error.code === 'token_refused'
    })
  })
})

describe('signItem', () => {
  const report = (): ReturnType<typeof toyFile> => {
    const finding = [text(0x0040a040, 'CS', 'TEXT'), sq(0x0040a043, [text(0x00080100, 'SH', 'A')])]
    return toyFile(toyElements([sq(0x0040a730, [text(0x0040a040, 'CS', 'CODE')], finding)]))
  }

  it('signs an item, alone', async () => {
    const file = report()
    const { changes } = await signItem(file, [{ tag: 0x0040a730, item: 2 }], options(file, toyRequest()))
    assert.deepEqual(
      changes.map(({ tag }) => tag),
      [0x0040a730],
    )
    const signed = toyReparse(toyAssemble(file, changes))
    const [signature] = readSignatures(signed.dataSet).signatures
    assert.deepEqual([signature?.path, signature?.signedTags], ['(0040,a730)[2]', [0x0040a040, 0x0040a043]])
    assert.equal(toyVerify(signed).signatures[0]?.state, 'valid')
  })

  it('signs an item inside an item', async () => {
    const file = report()
    const path = [
      { tag: 0x0040a730, item: 2 },
      { tag: 0x0040a043, item: 1 },
    ]
    const { changes } = await signItem(file, path, options(file, toyRequest()))
    const signed = toyReparse(toyAssemble(file, changes))
    assert.equal(toyVerify(signed).signatures[0]?.path, '(0040,a730)[2](0040,a043)[1]')
    assert.equal(toyVerify(signed).signatures[0]?.state, 'valid')
  })

  it('refuses a place where there is no item', async () => {
    const file = report()
    for (const place of [
      { tag: 0x0040a730, item: 3 },
      { tag: 0x0040a730, item: 0 },
      { tag: 0x00100010, item: 1 },
      { tag: 0x00990001, item: 1 },
    ]) {
      await assert.rejects(signItem(file, [place], options(file, toyRequest())), malformed)
    }
    await assert.rejects(signItem(file, [], options(file, toyRequest())), TypeError)
  })

  it('leaves a signature of the whole as it was', async () => {
    const whole = await toySigned(report())
    const { changes } = await signItem(whole, [{ tag: 0x0040a730, item: 1 }], options(whole, toyRequest()))
    const states = toyVerify(toyReparse(toyAssemble(whole, changes))).signatures.map(
      ({ path, state }) => `${path} ${state}`,
    )
    // Signatures inside a signed item are not signable, so they add nothing to the stream of the whole.
    assert.deepEqual(states, [' valid', '(0040,a730)[1] valid'])
  })
})
