/** A process that appends under load is killed at random moments, and started again, for as long as one likes. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { seeded } from '../testing/log-load.ts'
import { type LoadEnd, LoadSite } from '../testing/log-load-site.ts'
import { temporaryFolder } from '../testing/peers.ts'

/** FIDUCIAL_SOAK: for so many minutes. */
const SOAK_MINUTES = Number(process.env.FIDUCIAL_SOAK ?? 0)
const ROUNDS = 10
/** Kills of one log, until the next begins. */
const KILLS = 5
const MEMORY_LIMIT = 2 ** 30

type Moment = 'at work' | 'while opening' | 'while closing'

interface Kill {
  readonly moment: Moment
  readonly killAt: (line: string) => boolean | number
}

/** A moment that nobody has chosen: after a line, and some milliseconds on. */
function chooseKill(random: () => number): Kill {
  const choice = random()
  const delayMs = random() * (choice < 0.2 ? 300 : 25)
  if (choice < 0.2) return { moment: 'while opening', killAt: (line) => line === 'opening' && delayMs }
  if (choice < 0.35) return { moment: 'while closing', killAt: (line) => line === 'closing' && delayMs }
  let lines = Math.floor(random() * 3000)
  return { moment: 'at work', killAt: () => lines-- === 0 && delayMs }
}

describe('a custody log whose process is killed under load', () => {
  it('has every entry that was acknowledged, each time, and never two histories', { timeout: Infinity }, async (t) => {
    const root = temporaryFolder(t)
    const seed = SOAK_MINUTES > 0 ? Date.now() % 2 ** 31 : 20_260_303
    const random = seeded(seed)
    const counts = { logs: 0, kills: 0, acknowledged: 0, checkpoints: 0, entries: 0n, recoveryMs: 0 }
    const moments: Record<Moment, number> = { 'at work': 0, 'while opening': 0, 'while closing': 0 }
    const until = performance.now() + SOAK_MINUTES * 60_000
    const isOver = (): boolean => (SOAK_MINUTES > 0 ? performance.now() > until : counts.kills >= ROUNDS)
    while (!isOver()) {
      const folder = mkdtempSync(join(root, 'site-'))
      const site = new LoadSite(folder)
      counts.logs++
      for (let kill = 0; kill < KILLS && !isOver(); kill++) {
        const { moment, killAt } = chooseKill(random)
        const end = await site.run({ seed: Math.floor(random() * 2 ** 31), cycle: 1500, killAt })
        checkKilled(end, `seed ${seed}, kill ${counts.kills}`)
        moments[moment]++
        counts.kills++
        counts.recoveryMs = Math.max(counts.recoveryMs, end.recoveryMs)
        await site.check()
      }
      // Whoever is not killed comes to an end, and has not grown.
      const end = await site.run({ seed, entries: 500 })
      assert.deepEqual([end.code, end.stderr, [...end.refused], [...end.failed]], [0, '', [], []])
      assert.ok(end.memoryBytes < MEMORY_LIMIT, `${end.memoryBytes} bytes`)
      counts.entries += (await site.check()).size
      counts.acknowledged += site.history.acknowledged
      counts.checkpoints += site.history.checkpoints
      rmSync(folder, { recursive: true })
    }
    const of = Object.entries(moments).map(([moment, count]) => `${count} ${moment}`)
    t.diagnostic(`${counts.kills} kills of ${counts.logs} logs: ${of.join(', ')}`)
    t.diagnostic(
      `${counts.acknowledged} statements acknowledged under ${counts.checkpoints} checkpoints, all at their places; ` +
        `${counts.entries} entries stored; longest recovery ${counts.recoveryMs} ms`,
    )
    assert.ok(counts.acknowledged > 0)
  })
})

function checkKilled({ signal, stderr, refused, failed }: LoadEnd, what: string): void {
  assert.equal(stderr, '', what)
  assert.equal(signal, 'SIGKILL', what)
  assert.deepEqual([...refused, ...failed], [], what)
}
