/** The mark's kernel as firmware: its C on this machine and on a Cortex-M4, against the plain coder. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { formatMarkHeader } from '@fiducial/core/domain/mark/header.ts'
import { embedPlane } from '@fiducial/core/domain/mark/tiles/embed-plane.ts'
import { createPlainCoder } from '@fiducial/core/domain/mark/tiles/plain-coder.ts'
import type { Plane } from '@fiducial/core/domain/pixels/plane.ts'
import { type Texture, toyPlane } from '@fiducial/core/testing/toy-planes.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import { peer, peerPath, repositoryRoot, run, temporaryFolder } from '../testing/peers.ts'

const source = join(repositoryRoot, 'packages/kernel/c')
const KERNEL = ['mark-kernel.c', 'fiducial_mark.c'].map((name) => join(source, name))
const EXAMPLE = [...KERNEL, join(source, 'mark-frame.c')]
/** Flash that a device can spare. */
const TEXT_LIMIT_BYTES = 16 * 1024

const imageKey = Uint8Array.from({ length: 32 }, (_, i) => 7 * i)
const signature = Uint8Array.from({ length: 64 }, (_, i) => 255 - i)
const PLANE = 3

interface Frame {
  readonly plane: Plane
  readonly side: Uint8Array
}

const frame = (width: number, height: number, bits: number, texture: Texture, sideBytes = 0): Frame => ({
  plane: toyPlane({ width, height, bits }, texture),
  side: new Uint8Array(sideBytes).fill(9),
})

const FRAMES: Readonly<Record<string, Frame>> = {
  'noise of 12 bits, tiles left over at both ends': frame(200, 150, 12, 'noisy'),
  'clipped at both ends of the range, with side information': frame(170, 140, 10, 'clipped', 300),
  'smooth, 16 bits': frame(128, 160, 16, 'smooth'),
  '8 bits, tiles of 64': frame(130, 190, 8, 'noisy'),
  'one tile, no parity': frame(50, 40, 12, 'noisy'),
  'no room for a stream': frame(20, 20, 12, 'noisy'),
}

const headerOf = ({ side }: Frame) => ({
  hasChips: side.length > 0,
  recordId: new Uint8Array(8).fill(1),
  volumeNonce: new Uint8Array(16).fill(2),
  index: 0,
  count: 1,
  plane: PLANE,
  planes: 4,
})

/** Marks a frame by a run of the example, and by the plain coder, and compares. */
async function checkFrame(folder: string, one: Frame, example: (words: string[]) => ReturnType<typeof run>) {
  const { plane, side } = one
  const header = headerOf(one)
  const means = { hash: nativeCrypto.hash, createCoder: createPlainCoder }
  const expected = embedPlane(plane, { imageKey, header, side, sign: () => signature }, means)
  writeFileSync(join(folder, 'frame'), bytesOf(plane.samples))
  writeFileSync(join(folder, 'key'), imageKey)
  writeFileSync(join(folder, 'data'), Buffer.concat([formatMarkHeader(header), signature, side]))
  const { width, height, bits } = plane
  const numbers = [width, height, bits, PLANE].map(String)
  const outcome = await example(['frame', ...numbers, 'key', 'data', 'marked', 'syndromes'])
  assert.equal(outcome.code, 0, outcome.stderr)
  assert.deepEqual(readFileSync(join(folder, 'marked')), bytesOf(expected.plane.samples))
  assert.deepEqual(readFileSync(join(folder, 'syndromes')), bytesOf(expected.syndromes))
  return outcome.stdout
}

const bytesOf = (values: Uint16Array | Uint32Array): Buffer =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength)

const gcc = peer('gcc')
const headers = peerPath('/usr/include/stdio.h')

describe('firmware on this machine', { skip: gcc.skip || headers.skip }, () => {
  const folder = temporaryFolder()
  const program = join(folder, 'mark-frame')

  before(async () => {
    const warnings = ['-Wall', '-Wextra', '-Wno-unused', '-Wno-unused-parameter', '-Werror']
    const built = await run(gcc.path, ['-O1', ...warnings, '-o', program, ...EXAMPLE, '-lm'])
    assert.equal(built.code, 0, built.stderr)
  })

  for (const [name, one] of Object.entries(FRAMES)) {
    it(`marks a frame as the plain coder does: ${name}`, async () => {
      await checkFrame(folder, one, (words) => run(program, words, { cwd: folder }))
    })
  }

  it('marks the same where accesses are not checked', async () => {
    const unchecked = join(folder, 'unchecked')
    const options = ['-O2', '-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=1', '-o', unchecked, ...EXAMPLE, '-lm']
    assert.equal((await run(gcc.path, options)).code, 0)
    for (const one of Object.values(FRAMES))
      await checkFrame(folder, one, (words) => run(unchecked, words, { cwd: folder }))
  })

  it('refuses a frame without room', async () => {
    const { plane } = frame(64, 64, 16, 'random')
    writeFileSync(join(folder, 'frame'), bytesOf(plane.samples))
    const words = ['frame', '64', '64', '16', '0', 'key', 'data', 'marked', 'syndromes']
    assert.equal((await run(program, words, { cwd: folder })).code, 1)
  })

  it('refuses a plane that is none, and one that its memory has no room for', async () => {
    for (const [width, bits] of [
      ['1', '12'],
      ['65536', '12'],
      ['64', '3'],
      ['64', '17'],
      ['65535', '12'],
    ] as const) {
      const words = ['frame', width, '64', bits, '0', 'key', 'data', 'marked', 'syndromes']
      assert.equal((await run(program, words, { cwd: folder })).code, 1)
    }
  })
})

const cross = peer('arm-none-eabi-gcc')
const newlib = peerPath('/usr/lib/arm-none-eabi/newlib/rdimon.specs')
const qemu = peer('qemu-system-arm')

describe('firmware on a Cortex-M4', { skip: cross.skip || newlib.skip || qemu.skip }, () => {
  const folder = temporaryFolder()
  const image = join(folder, 'mark-frame.elf')
  const target = ['-mcpu=cortex-m4', '-mthumb', '-Os', '-ffunction-sections', '-fdata-sections']

  before(async () => {
    const board = [join(source, 'cortex-m/board.c'), '-T', join(source, 'cortex-m/mps2.ld'), '-Wl,--gc-sections']
    const options = [...target, '-DFIDUCIAL_MARK_COUNT', '--specs=rdimon.specs', ...board]
    const built = await run(cross.path, [...options, '-o', image, ...EXAMPLE])
    assert.equal(built.code, 0, built.stderr)
  })

  const boot = (words: readonly string[]): ReturnType<typeof run> => {
    const semihosting = ['enable=on', 'target=native', ...['mark-frame', ...words].map((word) => `arg=${word}`)].join()
    const options = ['-M', 'mps2-an386', '-display', 'none', '-monitor', 'none', '-serial', 'none']
    const clock = ['-icount', 'shift=0']
    return run(qemu.path, [...options, ...clock, '-semihosting-config', semihosting, '-kernel', image], { cwd: folder })
  }

  for (const [name, one] of Object.entries(FRAMES)) {
    it(`marks a frame as the plain coder does: ${name}`, async (t) => {
      const said = await checkFrame(folder, one, boot)
      for (const line of said.trim().split('\n')) t.diagnostic(line)
    })
  }

  it('takes little flash', async (t) => {
    let textBytes = 0
    for (const file of KERNEL) {
      const object = join(folder, 'part.o')
      assert.equal((await run(cross.path, [...target, '-c', file, '-o', object])).code, 0)
      const sizes = await run('arm-none-eabi-size', [object])
      textBytes += Number(sizes.stdout.trim().split('\n').at(-1)?.trim().split(/\s+/)[0])
    }
    t.diagnostic(`${textBytes} bytes of .text`)
    assert.ok(textBytes > 0 && textBytes <= TEXT_LIMIT_BYTES)
  })
})
