/**
 * Backup of a running gateway: made by its command while images come, put back after the machine has lost the folder, and what
 * was under way then is finished, in front of a real Orthanc.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { dcmtk } from '../testing/dcmtk.ts'
import { FAST_RETRY, makeFiles, spooledFiles, spoolOf, startGateway, storeFiles } from '../testing/gateway-peers.ts'
import { orthanc, startOrthanc } from '../testing/orthanc.ts'
import { temporaryFolder } from '../testing/peers.ts'

const IMAGES_PER_SEND = 10

describe('a backup of a gateway that runs', { skip: dcmtk.skip || orthanc.skip }, () => {
  it('holds everything that was acknowledged before, and the restored gateway finishes it', async (t) => {
    const [home, folder] = [temporaryFolder(t), temporaryFolder(t)]
    const backup = join(folder, 'backup')
    const pacs = await startOrthanc({}, t)
    const gateway = await startGateway(t, home, `pacs: ${pacs.aet}@127.0.0.1:${pacs.dicomPort}\n${FAST_RETRY}`)
    let sent = 0
    const send = async (): Promise<readonly string[]> => {
      const sops = Array.from({ length: IMAGES_PER_SEND }, () => `2.25.81${sent++}`)
      const { code } = await storeFiles(gateway, ...makeFiles(folder, sops))
      assert.equal(code, 0)
      return sops
    }
    const acknowledged = [...(await send())]
    await gateway.settled()
    await pacs.stop()
    acknowledged.push(...(await send()))

    // Images go on coming while it is made.
    let isOver = false
    const later: string[] = []
    const load = (async () => {
      while (!isOver) later.push(...(await send()))
    })()
    const first = await gateway.command('gateway', 'backup', backup)
    acknowledged.push(...later)
    // Into the same folder: what is there is not copied again.
    const [second] = await gateway.command('gateway', 'backup', backup)
    isOver = true
    await load
    assert.equal(first[0]?.state, 'backed_up')
    assert.deepEqual([first[0]?.damaged, second?.damaged], [[], []])
    assert.ok(Number(second?.copiedFiles) < Number(second?.files))
    assert.ok(Number(second?.instances) >= acknowledged.length)

    // While it runs, nothing is put back over it.
    await assert.rejects(gateway.command('gateway', 'restore', backup), /output_exists|spool_locked/)
    await gateway.end('SIGKILL')
    renameSync(join(home, 'gateway'), join(home, 'lost'))
    const [restored] = await gateway.command('gateway', 'restore', backup)
    assert.equal(restored?.state, 'restored')
    assert.deepEqual(restored?.damaged, [])
    for (const name of readdirSync(join(home, 'gateway'))) {
      const { mode } = statSync(join(home, 'gateway', name))
      assert.equal(mode & 0o077, 0, `${name} can be read by others`)
    }
    await pacs.start()
    await gateway.start()
    acknowledged.push(...(await send()))
    await gateway.settled()

    const arrived = await pacs.instanceUids()
    assert.equal(new Set(arrived).size, arrived.length)
    assert.deepEqual(
      acknowledged.filter((uid) => !arrived.includes(uid)),
      [],
    )
    assert.deepEqual((await gateway.status()).alarms, [])
    assert.equal(await gateway.end(), 0)
    const logged = await gateway.command('log', 'show', '--type', 'received', '--limit', '100000')
    const counts = Map.groupBy(logged, uidOf)
    assert.deepEqual(
      acknowledged.filter((uid) => counts.get(uid)?.length !== 1),
      [],
    )
    assert.deepEqual(
      spooledFiles(spoolOf(home)).filter((name) => name.endsWith('.part')),
      [],
    )
    rmSync(join(home, 'lost'), { recursive: true })
    assert.ok(existsSync(backup))
    t.diagnostic(`${acknowledged.length} images acknowledged before the last backup began or after it was put back`)
  })
})

function uidOf(entry: Record<string, unknown>): string {
  const { event } = entry as { event?: { instance?: { sopInstanceUid?: string } } }
  return event?.instance?.sopInstanceUid ?? ''
}
