/** Sealing with marks by the command line: what is written, what a second run finds, and who can read it. */
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { joinBytes } from '@fiducial/core/bytes/text.ts'
import { setElements } from '@fiducial/core/domain/forge/edit.ts'
import { flipPixel } from '@fiducial/core/domain/forge/forgeries.ts'
import { parseSeal } from '@fiducial/core/domain/seal/seal.ts'
import { encodeFile } from '@fiducial/core/formats/dicom/encode.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { EXPLICIT_LITTLE_ENDIAN } from '@fiducial/core/formats/dicom/transfer-syntax.ts'
import { text, us } from '@fiducial/core/formats/dicom/values.ts'
import { type Outcome, repositoryRoot, run, temporaryFolder } from '../testing/peers.ts'
import { makeKeys, makeLockedKeys, takeImage } from '../testing/transcript-stage.ts'

const MAIN = join(repositoryRoot, 'packages/node/src/main.ts')

/** Three frames of 1100 × 1300 samples of 16 bits: more than is kept in memory. */
function largeImage(): Uint8Array {
  const [columns, rows, frames] = [1100, 1300, 3]
  const samples = Uint16Array.from(
    { length: columns * rows * frames },
    (_, i) => 3000 + (i % columns) + ((i * 7919) % 13),
  )
  return joinBytes(
    encodeFile({
      transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN,
      elements: [
        text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.7.3'),
        text(0x00080018, 'UI', '2.25.5001'),
        us(0x00280002, 1),
        text(0x00280004, 'CS', 'MONOCHROME2'),
        text(0x00280008, 'IS', String(frames)),
        us(0x00280010, rows),
        us(0x00280011, columns),
        us(0x00280100, 16),
        us(0x00280101, 16),
        us(0x00280102, 15),
        us(0x00280103, 0),
        { tag: 0x7fe00010, vr: 'OW', value: new Uint8Array(samples.buffer) },
      ],
    }),
  )
}

interface VerifyLine {
  readonly verdict: string
  readonly checks: readonly { readonly subject: string; readonly outcome: string; readonly reason?: string }[]
  readonly mark: { readonly state: string; readonly recordId?: string; readonly claimed: { recordId: string } | null }
}

describe('fiducial seal --mark', () => {
  const folder = temporaryFolder()
  const home = join(folder, 'home')
  const out = join(folder, 'out')
  const fiducial = (args: readonly string[], state = home): Promise<Outcome> =>
    run(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], {
      cwd: folder,
      env: { FIDUCIAL_HOME: state },
    })

  async function verify(path: string, words: readonly string[] = [], state = home): Promise<VerifyLine> {
    const { stdout, stderr } = await fiducial(['verify', path, '--json', ...words], state)
    assert.notEqual(stdout, '', stderr)
    return JSON.parse(stdout) as VerifyLine
  }
  const markOf = ({ checks }: VerifyLine): string =>
    checks
      .filter(({ subject }) => subject === 'mark')
      .map(({ outcome, reason }) => reason ?? outcome)
      .join()
  const sealOf = (name: string) => parseSeal(new Uint8Array(readFileSync(join(out, `${name}.fiducial.json`)))).statement

  before(async () => {
    mkdirSync(join(folder, 'in'))
    writeFileSync(join(folder, 'in', 'chest.dcm'), takeImage('chest'))
    writeFileSync(join(folder, 'in', 'large.dcm'), largeImage())
    writeFileSync(join(folder, 'in', 'lossy.dcm'), setElements(takeImage('hand'), text(0x00282110, 'CS', '01')))
    await makeKeys(home)
  })

  it('seals what has no pixels as it is, and knows it again', async () => {
    const report = encodeFile({
      transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN,
      elements: [
        text(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.88.11'),
        text(0x00080018, 'UI', '2.25.5002'),
        text(0x00080060, 'CS', 'SR'),
        text(0x0020000d, 'UI', '2.25.5003'),
        text(0x0020000e, 'UI', '2.25.5004'),
      ],
    })
    mkdirSync(join(folder, 'reports'))
    writeFileSync(join(folder, 'reports', 'report.dcm'), joinBytes(report))
    const words = ['seal', 'reports', '--out', 'sealed-reports', '--mark']
    const first = await fiducial(words)
    assert.equal(first.code, 0, first.stderr)
    assert.match(first.stdout, /^✔ sealed {10}reports\/report\.dcm: no pixels to mark$/m)
    const second = await fiducial(words)
    assert.equal(second.code, 0, second.stderr)
    assert.match(second.stdout, /already sealed {2}reports\/report\.dcm/)
  })

  it('marks and seals what can be marked, and says of the rest why not', async () => {
    const { code, stdout } = await fiducial(['seal', 'in', '--out', 'out', '--mark'])
    assert.equal(code, 65, stdout)
    assert.match(stdout, /^✔ marked, sealed {2}in\/chest\.dcm: record [0-9a-f]{16}$/m)
    assert.match(stdout, /^✔ marked, sealed {2}in\/large\.dcm: record [0-9a-f]{16}$/m)
    assert.match(stdout, /^! not sealed {6}in\/lossy\.dcm: .* \(mark_lossy_source\)$/m)
    assert.deepEqual(
      readdirSync(out).filter((name) => name.startsWith('.') || name.startsWith('lossy')),
      [],
    )
  })

  it('signs the marked pixels, with the record that is kept', async () => {
    const { mark, pixels } = sealOf('large.dcm')
    assert.ok(mark)
    assert.deepEqual([mark.planes, pixels?.count], [3, 3n])
    const records = readdirSync(join(home, 'marks'))
    assert.equal(records.length, 2)
    for (const name of ['chest.dcm', 'large.dcm']) {
      const line = await verify(join('out', name))
      assert.equal(markOf(line), 'holds')
      assert.equal(line.mark.recordId, line.mark.claimed?.recordId)
      assert.ok(records.includes(`${line.mark.recordId}.fmr`))
    }
  })

  it('finds what an earlier run has marked and sealed, and makes nothing anew', async () => {
    const before = readFileSync(join(out, 'chest.dcm'))
    const { stdout } = await fiducial(['seal', 'in', '--out', 'out', '--mark'])
    assert.match(stdout, /0 images sealed, 2 already sealed and intact, 1 not sealed/)
    assert.deepEqual(readFileSync(join(out, 'chest.dcm')), before)
    assert.equal(readdirSync(join(home, 'marks')).length, 2)
    // Nor is one of the two taken for the other.
    const unmarked = await fiducial(['seal', 'in/chest.dcm', '--out', 'out'])
    assert.match(unmarked.stderr, /output_exists/)
  })

  it('goes on where a run was cut off between record and image', async () => {
    rmSync(join(out, 'chest.dcm'))
    const { code, stdout } = await fiducial(['seal', 'in/chest.dcm', '--out', 'out', '--mark'])
    assert.equal(code, 0, stdout)
    assert.equal(markOf(await verify(join('out', 'chest.dcm'))), 'holds')
  })

  it('claims the mark of what was marked before, whole, as a slice of its volume', async () => {
    const series = join(folder, 'series')
    mkdirSync(series)
    for (const [name, uid] of [
      ['1.dcm', '2.25.6001'],
      ['2.dcm', '2.25.6002'],
    ] as const) {
      writeFileSync(
        join(series, name),
        setElements(takeImage('chest', name), text(0x00080018, 'UI', uid), text(0x0020000e, 'UI', '2.25.6000')),
      )
    }
    assert.equal((await fiducial(['mark', 'embed', 'series', '--out', 'volume', '--volume'])).code, 0)
    for (const state of ['2 images sealed', '2 already sealed and intact']) {
      const { code, stdout } = await fiducial(['seal', 'volume', '--out', 'slices', '--mark'])
      assert.equal(code, 0, stdout)
      assert.ok(stdout.includes(state), stdout)
    }
    const seals = ['1.dcm', '2.dcm'].map((name) =>
      parseSeal(new Uint8Array(readFileSync(join(folder, 'slices', `${name}.fiducial.json`)))),
    )
    const volumes = seals.map(({ statement: { mark } }) => mark?.volume)
    assert.deepEqual(
      volumes.map((volume) => volume?.count),
      [2, 2],
    )
    assert.deepEqual(volumes.map((volume) => volume?.index).sort(), [0, 1])
    assert.deepEqual(volumes[0]?.nonce, volumes[1]?.nonce)
    assert.equal(markOf(await verify('slices/1.dcm')), 'holds')
    const whole = await fiducial(['verify', 'slices'])
    assert.equal(whole.code, 0, whole.stdout)
  })

  it('tells of slices that are no longer the set that was marked', async () => {
    for (const suffix of ['', '.fiducial.json'])
      copyFileSync(join(folder, 'slices', `1.dcm${suffix}`), join(folder, 'slices', `3.dcm${suffix}`))
    const doubled = await fiducial(['verify', 'slices'])
    assert.equal(doubled.code, 1, doubled.stdout)
    assert.match(doubled.stdout, /✘ not whole {2}slice \d of a volume is there 2 times/)
    // Files that were named one by one are no set.
    assert.equal((await fiducial(['verify', 'slices/1.dcm', 'slices/3.dcm'])).code, 0)
    for (const name of ['2.dcm', '3.dcm']) rmSync(join(folder, 'slices', name))
    assert.equal((await fiducial(['verify', 'slices'])).code, 0)
    const { stdout } = await fiducial(['verify', 'slices', '--complete'])
    assert.match(stdout, /✘ not whole {2}1 slice of a volume missing: number \d/)
  })

  it('claims no mark that was altered, or is that of another image', async () => {
    const marked = new Uint8Array(readFileSync(join(folder, 'volume', '1.dcm')))
    writeFileSync(join(folder, 'altered.dcm'), flipPixel(marked))
    writeFileSync(join(folder, 'renamed.dcm'), setElements(marked, text(0x00080018, 'UI', '2.25.6003')))
    for (const name of ['altered.dcm', 'renamed.dcm']) {
      const { code, stderr } = await fiducial(['seal', name, '--out', 'claimed', '--mark'])
      assert.equal(code, 1)
      assert.match(stderr, /mark_altered/)
    }
  })

  it('leaves chips out on demand', async () => {
    await fiducial(['seal', 'in/large.dcm', '--out', 'tiles', '--mark', '--mark-layers', 'tiles'])
    const seal = new Uint8Array(readFileSync(join(folder, 'tiles', 'large.dcm.fiducial.json')))
    assert.equal(parseSeal(seal).statement.mark?.hasChips, false)
  })

  it('can be read by others with the key of the one image', async () => {
    await fiducial(['keys', 'export', 'public'])
    const { mark } = sealOf('chest.dcm')
    const id = Buffer.from(mark?.recordId ?? []).toString('hex')
    const { stdout, stderr } = await fiducial(['mark', 'disclose', id])
    const [key] = /[0-9a-f]{64}/.exec(stdout) ?? [assert.fail(stderr)]
    const elsewhere = join(folder, 'elsewhere')
    const trust = ['--trust', join(folder, 'public', 'ca.pem')]
    assert.equal(markOf(await verify('out/chest.dcm', trust, elsewhere)), 'mark_key_missing')
    assert.equal(markOf(await verify('out/chest.dcm', [...trust, '--image-key', key], elsewhere)), 'holds')
    assert.equal(
      markOf(await verify('out/chest.dcm', [...trust, '--image-key', key, '--no-mark'], elsewhere)),
      'mark_key_missing',
    )
    const { code } = await fiducial(['verify', 'out/chest.dcm', '--image-key', 'no-such-key'], elsewhere)
    assert.equal(code, 64)
  })

  it('asks nobody for a passphrase to read marks, and takes one that is given', async () => {
    const locked = join(folder, 'locked')
    await makeLockedKeys(locked)
    writeFileSync(join(folder, 'passphrase'), 'correct horse')
    const words = ['--passphrase-file', 'passphrase']
    const sealed = await fiducial(['seal', 'in/chest.dcm', '--out', 'closed', '--mark', ...words], locked)
    assert.equal(sealed.code, 0, sealed.stderr)
    assert.equal(markOf(await verify('closed/chest.dcm', [], locked)), 'mark_key_missing')
    assert.equal(markOf(await verify('closed/chest.dcm', words, locked)), 'holds')
  })

  it('leaves nothing behind where the record cannot be kept', async () => {
    const full = join(folder, 'full')
    await makeKeys(full)
    writeFileSync(join(full, 'marks'), 'in the way')
    const { code, stderr } = await fiducial(['seal', 'in/large.dcm', '--out', 'lost', '--mark'], full)
    assert.equal(code, 73, stderr)
    assert.deepEqual(existsSync(join(folder, 'lost')) ? readdirSync(join(folder, 'lost')) : [], [])
  })

  it('shows in inspect what is claimed and what is there', async () => {
    const { stdout } = await fiducial(['inspect', 'out/chest.dcm'])
    assert.match(stdout, /^ {2}Mark {13}record [0-9a-f]{16}, says the seal$/m)
    assert.match(
      stdout,
      /^ {19}in the pixels: record [0-9a-f]{16}, marked by device-room-1, .*; tiles hold, signature holds$/m,
    )
  })

  it('tells a sweep of an archive that a picture stands under another name', async () => {
    const archive = join(folder, 'archive')
    mkdirSync(archive)
    const copy = setElements(new Uint8Array(readFileSync(join(out, 'chest.dcm'))), text(0x00080018, 'UI', '2.25.9009'))
    writeFileSync(join(archive, 'copy.dcm'), copy)
    assert.equal(parseDicom(memorySource(copy)).findings.length, 0)
    const { code, stdout } = await fiducial(['audit', 'archive', '--marks', '--out', 'report', '--format', 'json'])
    assert.equal(code, 1, stdout)
    assert.match(readFileSync(join(folder, 'report', 'audit.json'), 'utf8'), /mark_of_other/)
  })
})
