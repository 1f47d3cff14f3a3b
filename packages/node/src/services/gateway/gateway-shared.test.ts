/** Several gateways over one store and one spool, some of which die at a step and are replaced. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seeded } from '@fiducial/core/testing/seeded.ts'
import { GatewaySite, makeImage } from '../../testing/gateway-site.ts'
import { FaultPlan } from '../../testing/log-faults.ts'
import type { Gateway } from './gateway.ts'

const RUNS = process.env.FIDUCIAL_SOAK === undefined ? 25 : 1_000
const IMAGES = 24
const STUDIES = 4

/** A gateway that dies at some step, drawn by chance. */
async function startMortal(site: GatewaySite, random: (below: number) => number): Promise<Gateway | undefined> {
  const plan = new FaultPlan({ step: 5 + random(120), moment: random(2) === 0 ? 'before' : 'after' })
  try {
    return await site.start({ plan, isAlone: false, leaseMs: 20_000 })
  } catch {
    return undefined
  }
}

/** Sends until it is taken, to one gateway and then to another one, as a modality with two destinations does. */
async function sendUntilTaken(site: GatewaySite, gateways: readonly Gateway[], bytes: Uint8Array): Promise<void> {
  for (const gateway of gateways) {
    try {
      await site.send(gateway, bytes)
      return
    } catch {
      // The next one takes it.
    }
  }
}

describe('gateways that share a store', () => {
  it(`deliver each image and log it once, over ${RUNS} runs in which some die`, async (t) => {
    let twice = 0
    for (let run = 1; run <= RUNS; run++) {
      const random = seeded(run)
      const site = new GatewaySite()
      const mortals = [await startMortal(site, random), await startMortal(site, random)]
      const survivor = await site.start({ isAlone: false, leaseMs: 20_000 })
      const gateways = [...mortals.filter((one) => one !== undefined), survivor]
      const expected = new Map<string, string[]>()
      for (let i = 0; i < IMAGES; i++) {
        const study = `2.25.${800 + (i % STUDIES)}`
        const sop = `${study}.${i + 1}`
        await sendUntilTaken(site, gateways, makeImage({ sop, study, fill: i }))
        expected.set(study, [...(expected.get(study) ?? []), sop])
        if (random(3) === 0) await site.time.until(() => true)
      }
      await site.rest()
      for (const [study, sops] of expected) {
        const uids = site.pacs.arrivals.filter((arrival) => arrival.study === study).map(({ uid }) => uid)
        assert.deepEqual(new Set(uids), new Set(sops), `run ${run}: all of a study`)
      }
      for (const type of ['received', 'forwarded']) {
        const uids = site.log.uidsOf(type)
        assert.deepEqual([uids.length, new Set(uids).size], [IMAGES, IMAGES], `run ${run}: ${type} once of each`)
      }
      twice += site.pacs.arrivals.length - IMAGES
      await survivor.close()
      for (const mortal of mortals) await mortal?.close().catch(() => undefined)
    }
    t.diagnostic(`${RUNS * IMAGES} images, ${twice} of them sent twice`)
  })
})
