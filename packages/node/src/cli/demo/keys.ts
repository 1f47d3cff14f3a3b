/** Keys of the demonstration: the hospital's, and the forger's, who calls himself by the same names. */
import { demoDevice, EXPOSURE_KINDS, type ExposureKind } from '@fiducial/core/domain/room/plan.ts'
import type { Context } from '../context.ts'
import type { Ring } from '../ring.ts'

const SITE = 'Example Hospital'
const TECHNOLOGIST = 'Technologist A'
const DAY_MS = 86_400_000
/** The hospital has had its keys for a while, so that somebody can date an image back among them. */
const HOSPITAL_DAYS = 90

export interface DemoKeys {
  readonly home: string
  readonly ring: Ring
  /** Ids of the devices by what they make. */
  readonly devices: Readonly<Record<ExposureKind, string>>
  readonly operator: string
  /** A device whose certificate has expired. */
  readonly expired: string
}

/** Makes the keys of the hospital. Cost: the search for eight RSA keys, two seconds on two cores, off this thread. */
export async function makeHospital(home: string, context: Context): Promise<DemoKeys> {
  const ring = await context.adapters.initRing(home, { site: SITE, isDemo: true, validFrom: daysAgo(HOSPITAL_DAYS) })
  const notBefore = daysAgo(60)
  const [chest, hand, ct, mr, operator, expired] = await Promise.all([
    ...EXPOSURE_KINDS.map((kind) => enrol(ring, kind, notBefore)),
    ring.enrolPerson({ name: TECHNOLOGIST, staffId: 'DEMO-OP-01', notBefore }).then(({ id }) => id),
    ring.enrolDevice({ name: 'Scrapped room', validityDays: 30, notBefore, dicomKey: 'rsa-2048' }).then(({ id }) => id),
  ])
  if (!chest || !hand || !ct || !mr || !operator || !expired) throw new TypeError('somebody was not enrolled')
  return { home, ring, devices: { chest, hand, ct, mr }, operator, expired }
}

/** Makes a ring with the same names and other keys, as anybody can. */
export async function makeForger(
  home: string,
  context: Context,
): Promise<{ readonly home: string; readonly device: string; readonly operator: string }> {
  const ring = await context.adapters.initRing(home, { site: SITE, isDemo: true })
  const { stationName } = demoDevice('chest')
  const [device, operator] = await Promise.all([
    ring.enrolDevice({ name: stationName, dicomKey: 'rsa-2048' }),
    ring.enrolPerson({ name: TECHNOLOGIST, dicomKey: 'rsa-2048' }),
  ])
  return { home, device: device.id, operator: operator.id }
}

const daysAgo = (days: number): Date => new Date(Date.now() - days * DAY_MS)

async function enrol(ring: Ring, kind: ExposureKind, notBefore: Date): Promise<string> {
  const { stationName, manufacturer, model, serialNumber } = demoDevice(kind)
  const { id } = await ring.enrolDevice({ name: stationName, manufacturer, model, serial: serialNumber, notBefore })
  return id
}
