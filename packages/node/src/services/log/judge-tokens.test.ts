import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { TIMESTAMP_POLICY } from '@fiducial/core/domain/trust/roles.ts'
import { toyEventCrypto as crypto, toyAuthority, toyClock, toyHeader } from '@fiducial/core/testing/toy-events.ts'
import { toyToken } from '@fiducial/core/testing/toy-pki.ts'
import { judgeTokens } from './judge-tokens.ts'

const note = 'hospital.example/log\n700\n'
const anchors = { roots: [toyClock], intermediates: [], crls: [] }
const tokenOf = (text: string, certificate = toyClock): Uint8Array =>
  toyToken(
    {
      policy: TIMESTAMP_POLICY,
      imprint: { name: 'sha256', digest: digestOf(crypto.hash, 'sha256', encodeUtf8(text)) },
      serial: '07',
      time: toyHeader.at,
      accuracyMs: 1,
    },
    certificate,
  )

describe('tokens of a timestamped entry', () => {
  it('are judged each, in their order, with their time and authority', () => {
    const tokens = [tokenOf(note), tokenOf(note, toyAuthority('Stranger')), tokenOf('other'), Uint8Array.of(0x30, 0)]
    const judged = judgeTokens({ note, tokens }, anchors, crypto)
    assert.deepEqual(
      judged.map(({ outcome, reason }) => [outcome, reason]),
      [
        ['holds', undefined],
        ['unknown', 'authority_untrusted'],
        ['fails', 'imprint_wrong'],
        ['fails', 'malformed'],
      ],
    )
    assert.deepEqual(judged[0]?.time, toyHeader.at)
    assert.match(judged[0]?.authority ?? '', /Clock$/)
    assert.match(judged[1]?.authority ?? '', /Stranger$/)
    assert.deepEqual([judged[3]?.time, judged[3]?.authority], [undefined, undefined])
  })

  it('are none where there are none', () => {
    assert.deepEqual(judgeTokens({ note, tokens: [] }, anchors, crypto), [])
  })
})
