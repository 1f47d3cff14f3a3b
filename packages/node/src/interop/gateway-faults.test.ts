/**
 * Gateway faults as a whole: a PACS that hangs in the middle of a store, a PACS that does not know a kind of image, a custody log
 * that another process has, and a second gateway in the same folder.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dcmtk } from '../testing/dcmtk.ts'
import { acceptAll, isRequest, type StoreRequest, startDouble } from '../testing/dimse-double.ts'
import { FAST_RETRY, makeFiles, startGateway, storeFiles } from '../testing/gateway-peers.ts'
import { temporaryFolder } from '../testing/peers.ts'
import { GatewayProcess } from '../testing/running-gateway.ts'
import { openSiteLog } from '../wiring/site-log.ts'

const SOP_CLASS_NOT_SUPPORTED = 0x0122
const ANSWER_SECONDS = 'limits: { answerSeconds: 1 }\n'

describe('a gateway in front of a PACS with faults', { skip: dcmtk.skip }, () => {
  it('lets go of a PACS that hangs in the middle of a store, and sends everything once it answers', async (t) => {
    const stored: string[] = []
    let isHanging = true
    let hung = 0
    const pacs = await startDouble(
      {
        onMessage({ contextId, command }, association) {
          if (!isRequest(command)) return
          if (command.kind === 'c_store_rq') {
            if (isHanging) {
              hung++
              return
            }
            stored.push(command.affectedSopInstanceUid)
          }
          association.reply(contextId, command, { status: 0 })
        },
      },
      t,
    )
    const home = temporaryFolder(t)
    const settings = `pacs: PACS@127.0.0.1:${pacs.port}\n${ANSWER_SECONDS}${FAST_RETRY}`
    const gateway = await startGateway(t, home, settings)
    const sops = Array.from({ length: 10 }, (_, i) => `2.25.51${i}`)
    // What the PACS does is nothing to those who send.
    assert.equal((await storeFiles(gateway, ...makeFiles(home, sops))).code, 0)
    await gateway.until('the PACS was given up on', async () => {
      const { destinations } = await gateway.status()
      return hung > 0 &&
        destinations.some(({ state, lastError }) => state === 'failing' && lastError === 'peer_timeout')
        ? true
        : undefined
    })
    assert.ok((await gateway.status()).alarms.includes('destination_away'))
    isHanging = false
    await gateway.settled()
    assert.deepEqual(stored.toSorted(), sops)
    assert.deepEqual((await gateway.status()).alarms, [])
    assert.ok(pacs.ends.aborted > 0)
  })

  it('gives up what a PACS does not know, sends the rest, and sends it again when it is told to', async (t) => {
    const stored: string[] = []
    let knows = (_uid: string): boolean => false
    const pacs = await startDouble(
      {
        onAssociate: (request) => acceptAll(request),
        onMessage({ contextId, command }, association) {
          if (!isRequest(command)) return
          if (command.kind !== 'c_store_rq') return association.reply(contextId, command, { status: 0 })
          const { affectedSopInstanceUid: uid } = command as StoreRequest
          if (knows(uid)) stored.push(uid)
          association.reply(contextId, command, { status: knows(uid) ? 0 : SOP_CLASS_NOT_SUPPORTED })
        },
      },
      t,
    )
    const home = temporaryFolder(t)
    const gateway = await startGateway(t, home, `pacs: PACS@127.0.0.1:${pacs.port}\n${FAST_RETRY}`)
    const sops = Array.from({ length: 6 }, (_, i) => `2.25.52${i}`)
    knows = (uid) => uid !== '2.25.522'
    assert.equal((await storeFiles(gateway, ...makeFiles(home, sops))).code, 0)
    const { counts, alarms, destinations } = await gateway.settled()
    assert.equal(counts.deliveries.dead, 1)
    assert.deepEqual([destinations[0]?.waiting, destinations[0]?.dead], [0, 1])
    assert.ok(alarms.includes('deliveries_dead'))
    assert.deepEqual(
      stored.toSorted(),
      sops.filter((sop) => sop !== '2.25.522'),
    )
    const [dead] = await gateway.list('dead=true')
    assert.equal(dead?.sopInstanceUid, '2.25.522')
    assert.equal(dead?.deliveries[0]?.state, 'dead')
    const [standing] = await gateway.command('gateway', 'status')
    assert.deepEqual(standing?.alarms, ['deliveries_dead'])

    knows = () => true
    const [revived] = await gateway.command('gateway', 'revive', 'pacs')
    assert.equal(revived?.sentAgain, 1)
    await gateway.when('2.25.522', 'done')
    assert.deepEqual(stored.toSorted(), sops)
    const standingNow = (await gateway.settled()).destinations[0]
    assert.deepEqual([standingNow?.waiting, standingNow?.dead], [0, 0])
  })
})

describe('a gateway whose custody log another process has', { skip: dcmtk.skip }, () => {
  it('takes images in and says that events wait, until it has the log, and logs each once', async (t) => {
    const stored: string[] = []
    const pacs = await startDouble(
      {
        onMessage({ contextId, command }, association) {
          if (!isRequest(command)) return
          if (command.kind === 'c_store_rq') stored.push(command.affectedSopInstanceUid)
          association.reply(contextId, command, { status: 0 })
        },
      },
      t,
    )
    const home = temporaryFolder(t)
    const gateway = await startGateway(t, home, `pacs: PACS@127.0.0.1:${pacs.port}\n${FAST_RETRY}`)
    const sops = Array.from({ length: 8 }, (_, i) => `2.25.53${i}`)
    const files = makeFiles(home, sops)
    assert.equal((await storeFiles(gateway, ...files.slice(0, 4))).code, 0)
    await gateway.settled()
    // While it runs, it has the log, and others wait.
    await assert.rejects(openSiteLog(home, { waitMs: 0 }), { code: 'log_locked' })
    assert.equal(await gateway.end(), 0)

    const other = await openSiteLog(home, { waitMs: 0 })
    await gateway.start()
    assert.equal((await storeFiles(gateway, ...files.slice(4))).code, 0)
    const waiting = await gateway.until('events wait', async () => {
      const status = await gateway.status()
      const { pendingEvents, states } = status.counts
      // What is sent when the process dies may be sent again, and both sendings are logged.
      const isSent = states.done === sops.length
      return isSent && pendingEvents > 0 && status.alarms.includes('log_away') ? status : undefined
    })
    assert.equal(waiting.isReady, true)
    assert.equal(waiting.log?.isAvailable, false)
    await gateway.end('SIGKILL')
    await gateway.start()
    await gateway.until('it misses the log again', async () =>
      (await gateway.status()).alarms.includes('log_away') ? true : undefined,
    )
    await other[Symbol.asyncDispose]()
    await gateway.settled()
    const { log } = await gateway.until('the log is back', async () => {
      const status = await gateway.status()
      return status.alarms.length === 0 ? status : undefined
    })
    assert.equal(log?.isAvailable, true)
    assert.deepEqual(stored.toSorted(), sops)
    // Others see of the log what it has published; that is everything once the gateway has ended.
    assert.equal(await gateway.end(), 0)
    for (const type of ['received', 'forwarded']) {
      const logged = await gateway.command('log', 'show', '--type', type, '--limit', '1000')
      assert.deepEqual(logged.map(uidOf).toSorted(), sops, type)
    }
  })

  it('is the only one in its folder', async (t) => {
    const home = temporaryFolder(t)
    const first = await startGateway(t, home, '')
    const second = await GatewayProcess.make({ home })
    await assert.rejects(second.start(), /spool_locked/)
    assert.equal(await second.end(), 69)
    assert.equal((await storeFiles(first, ...makeFiles(home, ['2.25.541']))).code, 0)
    await first.when('2.25.541', 'done')
    assert.equal((await first.list('limit=10')).length, 1)
  })
})

function uidOf(entry: Record<string, unknown>): string {
  const { event } = entry as { event?: { instance?: { sopInstanceUid?: string } } }
  return event?.instance?.sopInstanceUid ?? ''
}
