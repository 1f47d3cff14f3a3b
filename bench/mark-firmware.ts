/** What does the mark's kernel take on a Cortex-M4: flash, memory, and instructions for each sample? */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Texture, toyPlane } from '../packages/core/src/testing/toy-planes.ts'
import { repositoryRoot, run } from '../packages/node/src/testing/peers.ts'
import { publishReport } from './log-report.ts'

const source = join(repositoryRoot, 'packages/kernel/c')
const KERNEL = ['mark-kernel.c', 'fiducial_mark.c'].map((name) => join(source, name))
const TARGET = ['-mcpu=cortex-m4', '-mthumb', '-ffunction-sections', '-fdata-sections']
const UNCHECKED = '-DWASM_RT_MEMCHECK_SIGNAL_HANDLER=1'
const OPTIONS = [['-Os'], ['-O2'], ['-Os', UNCHECKED], ['-O2', UNCHECKED]] as const
/** Header and signature. */
const DATA_BYTES = 112

interface Shape {
  readonly bits: number
  readonly texture: Texture
}
const SIDE = 256
const FRAMES: readonly Shape[] = [
  { bits: 12, texture: 'smooth' },
  { bits: 12, texture: 'noisy' },
  { bits: 12, texture: 'clipped' },
  { bits: 8, texture: 'noisy' },
]

const folder = mkdtempSync(join(tmpdir(), 'fiducial-bench-'))
try {
  writeFileSync(join(folder, 'key'), new Uint8Array(32))
  writeFileSync(join(folder, 'data'), new Uint8Array(DATA_BYTES))
  const measurements: Record<string, unknown> = {}
  const rows: string[][] = []
  for (const options of OPTIONS) {
    const textBytes = await sizeOf(options)
    const image = join(folder, 'image.elf')
    await build(options, image)
    const counts: string[] = []
    for (const shape of FRAMES) counts.push(await countOn(image, shape))
    const name = options.join(' ').replace(` ${UNCHECKED}`, ', accesses unchecked')
    rows.push([name, String(textBytes), ...counts])
    measurements[name] = { textBytes, counts }
  }
  publishReport({
    name: 'mark-firmware',
    question: 'What does the kernel of the mark take on a Cortex-M4?',
    input:
      `made-up frames of ${SIDE} × ${SIDE} samples, header and signature in their tiles, by arm-none-eabi-gcc; ` +
      'instructions as QEMU counts them (-icount shift=0), both syndromes and pads included, key table and SHA-256 not: ' +
      'these are no cycles, of which a Cortex-M4 takes 1 to 2 for most',
    tables: [
      {
        title: 'Bytes of .text, and instructions for each sample',
        columns: ['options', 'bytes', ...FRAMES.map(({ bits, texture }) => `${texture}, ${bits} bits`)],
        rows,
      },
      {
        title: 'Memory: key table, one row of tiles, scratch',
        columns: ['frame', 'bytes'],
        rows: await memories(),
      },
    ],
    measurements,
  })
} finally {
  rmSync(folder, { recursive: true })
}

async function sizeOf(options: readonly string[]): Promise<number> {
  let total = 0
  for (const file of KERNEL) {
    const object = join(folder, 'part.o')
    await must('arm-none-eabi-gcc', [...TARGET, ...options, '-c', file, '-o', object])
    const table = await must('arm-none-eabi-size', [object])
    total += Number(table.trim().split('\n').at(-1)?.trim().split(/\s+/)[0])
  }
  return total
}

async function build(options: readonly string[], image: string): Promise<void> {
  const board = ['--specs=rdimon.specs', '-Wl,--gc-sections', '-T', join(source, 'cortex-m/mps2.ld')]
  const files = [...KERNEL, join(source, 'mark-frame.c'), join(source, 'cortex-m/board.c')]
  const defines = ['-DFIDUCIAL_MARK_COUNT']
  await must('arm-none-eabi-gcc', [...TARGET, ...options, ...defines, ...board, '-o', image, ...files])
}

async function countOn(image: string, { bits, texture }: Shape): Promise<string> {
  const { samples } = toyPlane({ width: SIDE, height: SIDE, bits }, texture)
  writeFileSync(join(folder, 'frame'), new Uint8Array(samples.buffer))
  const words = ['mark-frame', 'frame', SIDE, SIDE, bits, 0, 'key', 'data', 'marked', 'syndromes']
  const semihosting = ['enable=on', 'target=native', ...words.map((word) => `arg=${word}`)].join()
  const machine = ['-M', 'mps2-an386', '-display', 'none', '-monitor', 'none', '-serial', 'none', '-icount', 'shift=0']
  const said = await must('qemu-system-arm', [...machine, '-semihosting-config', semihosting, '-kernel', image])
  return Math.round(Number(/instructions a sample: ([\d.]+)/.exec(said)?.[1])).toString()
}

/** As the program itself says, on this machine. */
async function memories(): Promise<string[][]> {
  const program = join(folder, 'mark-frame')
  const files = [...KERNEL, join(source, 'mark-frame.c')]
  await must('gcc', [
    '-O1',
    '-DMEMORY_BYTES=16777216',
    '-DTILES=65536',
    '-DSTREAM_BYTES=262144',
    '-o',
    program,
    ...files,
    '-lm',
  ])
  const rows: string[][] = []
  for (const [width, height, bits] of [
    [512, 512, 12],
    [640, 480, 16],
    [1024, 1024, 8],
    [2048, 2048, 14],
    [2001, 1999, 14],
  ] as const) {
    writeFileSync(join(folder, 'frame'), new Uint8Array(2 * width * height))
    const words = ['frame', width, height, bits, 0, 'key', 'data', 'marked', 'syndromes'].map(String)
    const said = await must(program, words)
    rows.push([`${width} × ${height}, ${bits} bits`, /(\d+) bytes of memory/.exec(said)?.[1] ?? ''])
  }
  return rows
}

async function must(program: string, words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, words, { cwd: folder })
  if (code !== 0) throw new TypeError(`${program} ends with ${code}: ${stderr}`)
  return stdout
}
