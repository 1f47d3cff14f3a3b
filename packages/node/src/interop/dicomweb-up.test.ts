/** A whole gateway by `fiducial up` between a STOW-RS sender and Orthanc, which it speaks DIMSE or DICOMweb to. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { memorySource } from '@fiducial/core/bytes/source.ts'
import { parseDicom } from '@fiducial/core/formats/dicom/parse.ts'
import { textAt } from '@fiducial/core/formats/dicom/values.ts'
import { textAt as modelText } from '@fiducial/core/formats/dicom-json/model.ts'
import { stowSender } from '../dicomweb/stow-sender.ts'
import { WebClient } from '../dicomweb/web-client.ts'
import type { Outgoing } from '../services/gateway/ports.ts'
import { orthancDicomWeb, startOrthanc } from '../testing/orthanc.ts'
import { repositoryRoot, run, sharedPath, sharedSkip, temporaryFolder } from '../testing/peers.ts'

const PROGRAM = join(repositoryRoot, 'fiducial')
const NAMES = ['CT_small.dcm', 'MR_small.dcm', 'JPEG2000.dcm', 'SC_rgb_rle.dcm', 'test-SR.dcm']

function outgoing(name: string): Outgoing {
  const bytes = new Uint8Array(readFileSync(sharedPath(`data/dicom/pydicom/test_files/${name}`)))
  const { dataSet, transferSyntaxUid } = parseDicom(memorySource(bytes))
  const uid = (tag: number) => textAt(dataSet, tag) ?? ''
  const names = { sopClassUid: uid(0x00080016), sopInstanceUid: uid(0x00080018), orderKey: uid(0x0020000d) }
  const open = async () => ({ ...memorySource(bytes), [Symbol.asyncDispose]: async () => undefined })
  return { deliveryId: name, transferSyntaxUid, sha256: new Uint8Array(32), ...names, open } as Outgoing
}

/** Starts the program, and gives its DICOMweb address once it says it. */
async function up(t: TestContext, home: string, pacs: string): Promise<string> {
  const env = { ...process.env, FIDUCIAL_HOME: home }
  const { code, stderr } = await run(PROGRAM, ['keys', 'init', '--site', 'Test'], { env })
  assert.equal(code, 0, stderr)
  const settings = join(home, 'gateway.yaml')
  writeFileSync(settings, `pacs: ${pacs}\ndicom: {port: 0}\nweb: {port: 0, trustsLocalCallers: true}\n`)
  const program = spawn(PROGRAM, ['up', '--settings', settings], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(() => end(program))
  let said = ''
  for (const stream of [program.stdout, program.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
  }
  while (program.exitCode === null) {
    const [address] = /http:\/\/\S+\/dicom-web(?=\s)/.exec(said.split('DICOMweb').slice(1).join('')) ?? []
    if (address !== undefined) return address
    await pause(20)
  }
  throw new Error(said)
}

async function end(program: ChildProcess): Promise<void> {
  if (program.exitCode !== null) return
  const ended = new Promise((resolve) => program.once('exit', resolve))
  program.kill('SIGTERM')
  await ended
}

describe('fiducial up, by DICOMweb', { skip: sharedSkip || orthancDicomWeb.skip }, () => {
  const { signal } = new AbortController()

  for (const protocol of ['DIMSE', 'DICOMweb'] as const) {
    it(`takes STOW-RS, forwards by ${protocol}, and searches and retrieves through it`, async (t) => {
      const orthanc = await startOrthanc({ hasDicomWeb: true }, t)
      const pacs =
        protocol === 'DIMSE' ? `${orthanc.aet}@127.0.0.1:${orthanc.dicomPort}` : orthanc.dicomWebUrl.slice(0, -1)
      const url = await up(t, temporaryFolder(t), pacs)
      const sender = stowSender({ url })
      const copies = NAMES.map(outgoing)
      const results = await Array.fromAsync(sender.send(copies, signal))
      await sender.close()
      assert.deepEqual(
        results.map(({ outcome }) => outcome),
        NAMES.map(() => 'stored'),
      )
      while ((await orthanc.instanceUids()).length < NAMES.length) await pause(50)
      assert.deepEqual(
        [...(await orthanc.instanceUids())].sort(),
        copies.map(({ sopInstanceUid }) => sopInstanceUid).sort(),
      )

      const client = new WebClient({ url })
      t.after(() => client.close())
      const studies = (await Array.fromAsync(client.search({ level: 'studies', signal }))).flat()
      assert.deepEqual(
        studies.map((model) => modelText(model, 0x0020000d)).sort(),
        copies.map(({ orderKey }) => orderKey).sort(),
      )
      for (const { orderKey, sopInstanceUid } of copies) {
        const [metadata] = await client.metadata({ study: orderKey }, { signal })
        assert.equal(modelText(metadata, 0x00080018), sopInstanceUid)
        let bytes = 0
        const handler = {
          begin: () => undefined,
          body: (piece: Uint8Array) => {
            bytes += piece.length
          },
          end: () => undefined,
        }
        await client.retrieve({ study: orderKey }, handler, { signal })
        assert.ok(bytes > 1000)
      }
    })
  }
})
