/**
 * A gateway whose disk is full: it says so, refuses what comes, keeps nothing half, and loses nothing that it has acknowledged.
 */
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { dcmtk, runDcmtk } from '../testing/dcmtk.ts'
import {
  FAST_RETRY,
  makeFiles,
  makeToken,
  spooledFiles,
  spoolOf,
  startGateway,
  storeByWeb,
  storeFiles,
  writeSettings,
} from '../testing/gateway-peers.ts'
import { makeImage } from '../testing/gateway-site.ts'
import { orthanc, startOrthanc } from '../testing/orthanc.ts'
import { run, temporaryFolder } from '../testing/peers.ts'

const skip = dcmtk.skip || orthanc.skip
const mountSkip = await mountingSkip()

describe('a gateway without room', { skip }, () => {
  it('says that it takes nothing, refuses what comes, keeps nothing half, and takes it once there is room', async (t) => {
    const home = temporaryFolder(t)
    const folder = temporaryFolder(t)
    const pacs = await startOrthanc({}, t)
    const main = `pacs: ${pacs.aet}@127.0.0.1:${pacs.dicomPort}\n${FAST_RETRY}`
    const gateway = await startGateway(t, home, `${main}storage: { reserveMegabytes: 1048576 }\n`)
    const [file = ''] = makeFiles(folder, ['2.25.431'])
    const { url } = gateway.reach()
    assert.equal((await fetch(`${url}/health/live`)).status, 200)
    assert.equal((await fetch(`${url}/health/ready`)).status, 503)
    const status = await gateway.status()
    assert.equal(status.isReady, false)
    assert.ok(status.alarms.includes('spool_full'))
    assert.equal((await runDcmtk('echoscu', ['-aec', 'FIDUCIAL', '127.0.0.1', String(gateway.dicomPort)])).code, 0)
    const refused = await storeFiles(gateway, '-v', file)
    assert.match(refused.stdout + refused.stderr, /Refused: OutOfResources|0xa700/i)
    const sender = await makeToken(gateway, 'modality', 'sender')
    const answer = await storeByWeb(gateway, sender, makeImage({ sop: '2.25.432' }))
    assert.equal(answer.status, 507)
    assert.deepEqual(spooledFiles(spoolOf(home)), [])
    assert.deepEqual(await gateway.list('limit=10'), [])

    assert.equal(await gateway.end(), 0)
    writeSettings(home, `${main}storage: { reserveMegabytes: 1 }\n`)
    await gateway.start()
    assert.equal((await fetch(`${gateway.reach().url}/health/ready`)).status, 200)
    assert.equal((await storeFiles(gateway, file)).code, 0)
    await gateway.when('2.25.431', 'done')
    assert.deepEqual(await pacs.instanceUids(), ['2.25.431'])
  })

  it('sends on what it has acknowledged once there is room on a disk that was written full', {
    skip: mountSkip,
  }, async (t) => {
    const home = temporaryFolder(t)
    const folder = temporaryFolder(t)
    const disk = await mountDisk(t, DISK_BYTES)
    const pacs = await startOrthanc({}, t)
    await pacs.stop()
    const gateway = await startGateway(
      t,
      home,
      `pacs: ${pacs.aet}@127.0.0.1:${pacs.dicomPort}
storage: { spoolFolder: "${disk}", reserveMegabytes: 2 }
${FAST_RETRY}`,
    )
    // Something else takes the room while images come, down to the last byte: the reserve is no help then.
    const acknowledged: string[] = []
    const isTaken = async (sop: string): Promise<boolean> => {
      const path = join(folder, `${sop}.dcm`)
      const pixels = { tag: 0x00420011, vr: 'OB', value: new Uint8Array(400_000).fill(Number(sop.slice(-2))) } as const
      writeFileSync(path, makeImage({ sop, more: [pixels] }))
      const { code } = await storeFiles(gateway, path)
      if (code === 0) acknowledged.push(sop)
      return code === 0
    }
    for (let i = 10; await isTaken(`2.25.44${i}`); i++) assert.ok(i < 80, 'the disk takes more than it has')
    const status = await gateway.status()
    assert.ok(status.alarms.includes('spool_low'))
    const other = join(disk, 'other')
    fillDisk(other)
    assert.equal((await gateway.status()).isReady, false)
    assert.equal(await isTaken('2.25.4490'), false)
    await gateway.end('SIGKILL')
    // It starts without a byte of room.
    await pacs.start()
    await gateway.start()
    assert.equal(await isTaken('2.25.4491'), false)
    rmSync(other)
    await run('mount', ['-o', `remount,size=${2 * DISK_BYTES}`, disk])
    await gateway.until('there is room', async () => ((await gateway.status()).isReady ? true : undefined))
    assert.ok(await isTaken('2.25.4492'))
    await gateway.settled()
    assert.deepEqual((await pacs.instanceUids()).toSorted(), acknowledged.toSorted())
    assert.equal(await gateway.end(), 0)
    const left = spooledFiles(disk).filter((name) => name.endsWith('.part'))
    assert.deepEqual(left, [])
    t.diagnostic(`${acknowledged.length} images acknowledged on a disk of ${DISK_BYTES} bytes`)
  })

  it('passes more in an hour than its disk holds: what all destinations have makes room', {
    skip: mountSkip,
  }, async (t) => {
    const home = temporaryFolder(t)
    const folder = temporaryFolder(t)
    const disk = await mountDisk(t, DISK_BYTES)
    const pacs = await startOrthanc({}, t)
    const gateway = await startGateway(
      t,
      home,
      `pacs: ${pacs.aet}@127.0.0.1:${pacs.dicomPort}
storage: { spoolFolder: "${disk}", reserveMegabytes: 4 }
${FAST_RETRY}`,
    )
    const sops = Array.from({ length: 40 }, (_, i) => `2.25.45${100 + i}`)
    for (const [i, sop] of sops.entries()) {
      const path = join(folder, `${sop}.dcm`)
      const pixels = { tag: 0x00420011, vr: 'OB', value: new Uint8Array(400_000).fill(i) } as const
      writeFileSync(path, makeImage({ sop, more: [pixels] }))
      // As modalities do: again, until it is taken.
      await gateway.until('it is taken', async () => {
        const { code } = await storeFiles(gateway, path)
        return code === 0 ? true : undefined
      })
    }
    await gateway.settled()
    assert.deepEqual((await pacs.instanceUids()).toSorted(), sops)
    assert.equal(await gateway.end(), 0)
  })
})

const DISK_BYTES = 16 * 2 ** 20

/** Writes until the last byte of a disk is taken. */
function fillDisk(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (let size = 2 ** 20; size >= 1; ) {
      try {
        writeSync(file, new Uint8Array(size))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
        size = Math.floor(size / 2)
      }
    }
  } finally {
    closeSync(file)
  }
}

/** A disk in memory of its own. */
async function mountDisk(t: TestContext, bytes: number): Promise<string> {
  const disk = mkdtempSync(join(tmpdir(), 'fiducial-test-disk-'))
  const { code, stderr } = await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'fiducial-test', disk])
  assert.equal(code, 0, stderr)
  t.after(async () => {
    await run('umount', ['--lazy', disk])
    rmdirSync(disk)
  })
  return disk
}

/** Whether this account may mount: in continuous integration, as root, it may. */
async function mountingSkip(): Promise<string | false> {
  if (process.getuid?.() !== 0) return 'only root may mount a small disk'
  const folder = mkdtempSync(join(tmpdir(), 'fiducial-mount-'))
  const { code } = await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'fiducial-test', folder])
  if (code === 0) await run('umount', [folder])
  rmdirSync(folder)
  return code === 0 ? false : 'mounting is not permitted here'
}
