/** How many sealed images does `verify` check in a second, beside the `dcmsign` command line? */
import { join } from 'node:path'
import { fiducial, makeBench, makeCtFolder, makeDxFolder, runOrFail } from './fixtures.ts'
import { compare, publish } from './harness.ts'

const bench = makeBench()
const sets = [
  { kind: 'CT', count: 200, input: '200 CT slices of 0.53 MB', make: makeCtFolder },
  { kind: 'DX', count: 40, input: '40 DX images of 15.1 MB', make: makeDxFolder },
]

for (const { kind, count, input, make } of sets) {
  const sealed = join(bench.folder, `${kind}-sealed`)
  runOrFail(fiducial, ['seal', make(join(bench.folder, kind), count), '--out', sealed])
  const each = (jobs: number): readonly string[] => [
    '-c',
    `ls ${sealed}/*.dcm | xargs -P ${jobs} -n 1 dcmsign -q --verify +cf ${bench.ca} +rg +rc`,
  ]
  publish(
    await compare({
      name: `verify-${kind.toLowerCase()}-folder`,
      question: `How fast is a folder of sealed ${kind} images verified, beside dcmsign?`,
      input: `${input}, each with two RSA-3072 signatures, two timestamps and a seal`,
      volume: { amount: count, of: 'files' },
      ours: {
        name: 'fiducial verify: signatures, timestamps, chains and seal',
        work: { program: fiducial, args: ['verify', '--json', sealed] },
      },
      others: [
        { name: 'dcmsign, one process at a time', work: { program: 'sh', args: each(1) } },
        { name: 'dcmsign, two at a time', work: { program: 'sh', args: each(2) } },
      ],
      rounds: 5,
    }),
  )
}
