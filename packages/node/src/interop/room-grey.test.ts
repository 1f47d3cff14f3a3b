/** Grey values of pictures as DCMTK renders them: windows, rescale, both signs, both polarities. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { planExposure } from '@fiducial/core/domain/room/plan.ts'
import type { Capture } from '@fiducial/core/domain/room/room.ts'
import { captureExposure } from '@fiducial/core/domain/room/room.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { renderGrey } from '@fiducial/core/formats/picture/grey.ts'
import { peer, run, temporaryFolder } from '../testing/peers.ts'

const dcmj2pnm = peer('dcmj2pnm')
const folder = temporaryFolder()

const SIZES = {
  chest: { columns: 256, rows: 320 },
  hand: { columns: 240, rows: 300 },
  ct: { columns: 128, rows: 128 },
  mr: { columns: 96, rows: 96 },
} as const

/** The body of a binary PGM of eight bits. */
function readPgm(path: string): Uint8Array {
  const bytes = readFileSync(path)
  const header = /^P5\s+(?:#[^\n]*\n\s*)*(\d+)\s+(\d+)\s+255\s/.exec(bytes.toString('latin1', 0, 200))
  assert.ok(header !== null, 'a PGM of eight bits')
  return bytes.subarray(header[0].length)
}

async function renderByPeer(
  capture: Capture,
  name: string,
  { center, width }: { center: number; width: number },
): Promise<Uint8Array> {
  const path = join(folder, `${name}.dcm`)
  writeFileSync(
    path,
    Buffer.concat(encodeFile({ transferSyntaxUid: '1.2.840.10008.1.2.1', elements: capture.elements })),
  )
  const { code, stderr } = await run(dcmj2pnm.path, ['+op', '+Ww', String(center), String(width), path, `${path}.pgm`])
  assert.equal(code, 0, stderr)
  return readPgm(`${path}.pgm`)
}

describe('grey values', () => {
  const seen = new Set<string>()
  for (const kind of ['chest', 'hand', 'ct', 'mr'] as const) {
    for (const seed of ['a', 'b', 'e']) {
      it(`are those of dcmj2pnm, give or take one (${kind} ${seed})`, { skip: dcmj2pnm.skip }, async () => {
        const capture = captureExposure(
          planExposure(seed, { kind, at: '2026-03-04T10:11:12', size: SIZES[kind], sliceCount: 1 }),
        )
        const { window, rescale, isInverted, pixels } = capture
        seen.add(`${kind} ${pixels.constructor.name} ${isInverted}`)
        for (const scale of [window, { center: window.center * 0.9 + 3, width: Math.round(window.width / 3) }]) {
          const peers = await renderByPeer(capture, `${kind}-${seed}`, scale)
          const ours = renderGrey(pixels, { ...scale, isInverted, rescale })
          assert.equal(peers.length, ours.length)
          let farthest = 0
          for (let i = 0; i < ours.length; i++)
            farthest = Math.max(farthest, Math.abs((ours[i] as number) - (peers[i] as number)))
          assert.ok(farthest <= 1, `differ by ${farthest}`)
        }
      })
    }
  }

  it('were compared for signed and unsigned samples and for negatives', { skip: dcmj2pnm.skip }, () => {
    assert.ok(seen.has('ct Int16Array false') && seen.has('ct Uint16Array false'), [...seen].join(', '))
    assert.ok(seen.has('hand Uint16Array true') && seen.has('hand Uint16Array false'), [...seen].join(', '))
  })
})
