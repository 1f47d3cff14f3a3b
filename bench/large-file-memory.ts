/** How much memory does a multi-frame file of 2 GB take to be sealed and verified? */
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { encodeHeader } from '@fiducial/core/formats/dicom/encode.ts'
import { EXPLICIT_LITTLE } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { fiducial, makeBench, makeDx } from './fixtures.ts'

const FRAMES = 142
const PIXELS_HEADER_BYTES = 12

const bench = makeBench()
const path = join(bench.folder, 'large.dcm')
writeLargeFile(path)
const sealed = join(bench.folder, 'sealed')
const rows = [
  { what: 'seal', ...measure(['seal', path, '--out', sealed]) },
  { what: 'verify', ...measure(['verify', sealed]) },
]
const table = [
  '# How much memory does a multi-frame file of 2 GB take to be sealed and verified?',
  '',
  `Input: ${FRAMES} frames of 2800 × 2700 samples of 16 bits, ${(statSync(path).size / 1e9).toFixed(2)} GB.`,
  '',
  '| | peak memory, MB | seconds |',
  '|---|---|---|',
  ...rows.map(({ what, peakMb, seconds }) => `| ${what} | ${peakMb.toFixed(0)} | ${seconds.toFixed(1)} |`),
  '',
  `Machine: ${cpus().length} cores of ${cpus()[0]?.model}. Runtime: Node ${process.version}. Date: ${new Date().toISOString()}.`,
  '',
  'Command: `node bench/large-file-memory.ts`',
  '',
].join('\n')
writeFileSync(join(import.meta.dirname, 'results/large-file-memory.md'), table)
process.stdout.write(table)

/** Runs the command line in a process that says at its end how large it was. */
function measure(args: readonly string[]): { peakMb: number; seconds: number } {
  const report = "process.on('exit',()=>process.stderr.write('PEAK '+process.resourceUsage().maxRSS+'\\n'))"
  const start = performance.now()
  const { status, stderr } = spawnSync(fiducial, args, {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(report)}` },
  })
  const peaks = [...stderr.matchAll(/PEAK (\d+)/g)].map(([, kilobytes]) => Number(kilobytes))
  if (status !== 0 || peaks.length === 0) throw new TypeError(`${args[0]} ended with ${status}`)
  return { peakMb: Math.max(...peaks) / 1024, seconds: (performance.now() - start) / 1000 }
}

/** One frame after the other, so that this process stays small, too. */
function writeLargeFile(name: string): void {
  const one = makeDx(0, 1)
  const frame = one.subarray(one.length - 2800 * 2700 * 2)
  const head = Buffer.from(one.subarray(0, one.length - frame.length - PIXELS_HEADER_BYTES))
  // Number of Frames (0028,0008) is IS, `1 ` in two bytes; it becomes four.
  const at = head.indexOf(Uint8Array.of(0x28, 0, 8, 0, 0x49, 0x53))
  const length = Buffer.from([4, 0])
  const file = openSync(name, 'w')
  for (const piece of [head.subarray(0, at + 6), length, Buffer.from(`${FRAMES} `), head.subarray(at + 10)])
    writeSync(file, piece)
  writeSync(file, encodeHeader(0x7fe00010, 'OW', frame.length * FRAMES, EXPLICIT_LITTLE))
  for (let i = 0; i < FRAMES; i++) {
    frame[0] = i
    writeSync(file, frame)
  }
  closeSync(file)
}
