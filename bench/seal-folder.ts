/** How many images does `seal` finish in a second, beside the `dcmsign` command line? */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fiducial, makeBench, makeCtFolder, makeDxFolder, makePeerKey } from './fixtures.ts'
import { compare, publish } from './harness.ts'

const bench = makeBench()
const device = makePeerKey(bench.folder, 'device')
const person = makePeerKey(bench.folder, 'person')
const sets = [
  { kind: 'CT', count: 200, input: '200 CT slices of 0.53 MB', make: makeCtFolder },
  { kind: 'DX', count: 40, input: '40 DX images of 15.1 MB', make: makeDxFolder },
]

for (const { kind, count, input, make } of sets) {
  const source = make(join(bench.folder, kind), count)
  const [ours, theirs] = [join(bench.folder, 'ours'), join(bench.folder, 'theirs')]
  const empty = (): void => {
    for (const folder of [ours, theirs]) rmSync(folder, { recursive: true, force: true })
    mkdirSync(theirs)
  }
  const sign = ({ key, certificate }: typeof device, purpose: number): string =>
    `dcmsign -q +s ${key} ${certificate} +m2 +sp ${purpose}`
  const once = `${sign(device, 14)} "$0" ${theirs}/$(basename "$0")`
  const twice = `${once} && ${sign(person, 1)} ${theirs}/$(basename "$0") ${theirs}/$(basename "$0")`
  const each = (script: string): readonly string[] => ['-c', `ls ${source}/*.dcm | xargs -n 1 sh -c '${script}'`]
  publish(
    await compare({
      name: `seal-${kind.toLowerCase()}-folder`,
      question: `How fast is a folder of ${kind} images sealed, beside dcmsign?`,
      input: `${input}; the peer makes no timestamp and no seal, and does not wait for the disk`,
      volume: { amount: count, of: 'files' },
      ours: {
        name: 'fiducial seal: two RSA-3072 signatures, three timestamps, statement, on disk',
        work: { program: fiducial, args: ['seal', source, '--out', ours] },
        prepare: empty,
      },
      others: [
        { name: 'dcmsign, one RSA-3072 signature', work: { program: 'sh', args: each(once) }, prepare: empty },
        { name: 'dcmsign, two RSA-3072 signatures', work: { program: 'sh', args: each(twice) }, prepare: empty },
      ],
      rounds: 5,
    }),
  )
}
