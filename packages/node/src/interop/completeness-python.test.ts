/** The program of docs/reference/completeness.md, which shares no code with ours, judges our proofs. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { decodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { formatStudyProof } from '@fiducial/core/domain/log/map/study-proof.ts'
import { acquired, archiveOf, type ToyArchive } from '@fiducial/core/domain/log/map/testing/toy-archive.ts'
import { peer, repositoryRoot, run, temporaryFolder } from '../testing/peers.ts'

const python = peer('python3')
const page = readFileSync(join(repositoryRoot, 'docs/reference/completeness.md'), 'utf8')
const program = /```python\n([\s\S]*?)```/.exec(page)?.[1] as string

/** Judges cases of [map root, UID, proof, what to change in it first]; prints what `check` returns, or `refused`. */
const judge = `
import copy
def verdict(root, uid, proof):
    try: return check(root, uid, proof)
    except (AssertionError, KeyError, ValueError, TypeError, OverflowError, IndexError): return "refused"
def mutants(value):
    if isinstance(value, dict):
        for name in value:
            for changed in mutants(value[name]): yield {**value, name: changed}
    elif isinstance(value, list):
        for i in range(len(value)):
            yield value[:i] + value[i + 1:]
            for changed in mutants(value[i]): yield value[:i] + [changed] + value[i + 1:]
    elif isinstance(value, str) and len(value) == 64:
        for i in range(0, 64, 9): yield value[:i] + format(int(value[i], 16) ^ 4, "x") + value[i + 1:]
    elif isinstance(value, str): yield str(int(value) + 1) if value.isdigit() else "erased"
    elif isinstance(value, int): yield value + 1
for root, uid, proof in json.load(open(sys.argv[1])):
    body = {name: proof[name] for name in proof if name != "mediaType"}
    print(json.dumps([verdict(root, uid, proof), sorted({str(verdict(root, uid, m)) for m in mutants(body)})]))
`

const rootOf = ({ mapRoot }: ToyArchive) => ({
  size: mapRoot.size.toString(),
  root: encodeHex(mapRoot.root),
  blinding: encodeHex(mapRoot.blinding),
})

describe('the Python program of the reference', python, () => {
  it('agrees about studies that are there and studies that are not, and refuses each change', async (t) => {
    const events = [
      ...Array.from({ length: 60 }, (_, i) => acquired(`1.${i}`, 1 + (i % 9))).flat(),
      { type: 'drill-withdrawn', studyInstanceUid: '1.8', sopInstanceUid: '1.8.3' },
      { studyInstanceUid: '1.3', sopInstanceUid: '1.3.0', digest: null },
    ]
    const archives = [await archiveOf(events), await archiveOf(acquired('1.0', 1)), await archiveOf([])]
    const cases: [ReturnType<typeof rootOf>, string, unknown][] = []
    const expected: (number | null)[] = []
    const kinds = new Set<string>()
    for (const archive of archives) {
      for (const uid of Array.from({ length: 24 }, (_, i) => (i < 10 ? `1.${i}` : `2.${i}`))) {
        const proof = await archive.proveStudy(uid)
        cases.push([rootOf(archive), uid, JSON.parse(decodeUtf8(formatStudyProof(proof)))])
        kinds.add(proof.path.end.kind)
        const records = archive.recordsOf(uid)
        expected.push(records.length === 0 ? null : records.filter(({ state }) => state === 'present').length)
      }
    }
    assert.deepEqual(kinds, new Set(['key', 'other', 'fork', 'empty']))
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'cases.json'), JSON.stringify(cases))
    writeFileSync(join(folder, 'judge.py'), `${program.split('if __name__')[0]}${judge}`)
    const { code, stdout, stderr } = await run(python.path, [join(folder, 'judge.py'), join(folder, 'cases.json')])
    assert.equal(code, 0, stderr)
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      answers.map(([answer]) => answer),
      expected,
    )
    for (const [, mutants] of answers) assert.deepEqual(mutants, ['refused'])
  })

  it('runs as it stands in the page', async (t) => {
    const archive = await archiveOf(acquired('1.2', 3))
    const folder = temporaryFolder(t)
    const write = (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(folder, name), content)
      return join(folder, name)
    }
    const root = write('root.json', JSON.stringify(rootOf(archive)))
    const proof = write('proof.json', formatStudyProof(await archive.proveStudy('1.2')))
    const check = write('check.py', program)
    assert.equal((await run(python.path, [check, root, '1.2', proof])).stdout, '3\n')
    const other = await run(python.path, [check, root, '1.3', proof])
    assert.deepEqual([other.code, other.stdout], [1, ''])
  })
})
