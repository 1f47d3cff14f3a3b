import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { InstanceVerdict } from './instance.ts'
import { judgePassage, type MadeCopy, NOTHING_MADE, type Preparation, planWay, type WayInput } from './judgement.ts'
import type { Examination, ExaminedImage } from './passage.ts'
import { DEFAULT_ON_PROBLEM, defaultRoutes, type Route, type Routes } from './routes.ts'

const AT = new Date('2026-03-03T10:14:05Z')
const RECEIVED_AT = new Date('2026-03-03T10:14:00Z')
const digest = (fill: number): Uint8Array => new Uint8Array(32).fill(fill)
const UIDS = {
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  sopInstanceUid: '2.25.1',
  studyInstanceUid: '2.25.3',
  transferSyntaxUid: '1.2.840.10008.1.2.1',
}

const undetermined: InstanceVerdict = {
  verdict: 'undetermined',
  level: 'P0',
  content: 'not_shown',
  policy: 'acquisition',
  sentence: 'Nobody can show where this picture came from.',
  isSynthetic: false,
  failing: [],
}
const examined: ExaminedImage = {
  state: 'examined',
  description: {
    instance: { ...UIDS, seriesInstanceUid: '2.25.2' },
    digests: { file: digest(1), dataset: digest(2), pixels: digest(3), frames: { count: 1n, root: digest(4) } },
  },
  verdict: undetermined,
  isSealed: false,
  flags: [],
  attributes: {},
  log: 'consulted',
}

function inputWith(examination: Examination, changes: Partial<WayInput> = {}): WayInput {
  return {
    received: {
      id: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
      spoolKey: 'key',
      lengthBytes: 1_000,
      sha256: digest(1),
      origin: { protocol: 'dimse', callingAet: 'ROOM1', calledAet: 'FIDUCIAL', address: '10.1.0.7:40112', peer: null },
      receivedAt: RECEIVED_AT,
      ...UIDS,
      orderKey: '2.25.3',
    },
    examination,
    standing: 'new',
    isRejectedBefore: false,
    isLogAway: false,
    reached: new Set(),
    ...changes,
  }
}

function routesWith(route: Partial<Route>): Routes {
  const plain = defaultRoutes([])
  const to = [{ destination: 'pacs', when: null, deidentify: null, transcode: null }]
  return { ...plain, routes: [{ ...(plain.routes[0] as Route), to, ...route }] }
}

function judge(input: WayInput, route: Partial<Route> = {}, made: Preparation = NOTHING_MADE) {
  const way = planWay(routesWith(route), input)
  const judgement = judgePassage(input, way, made, AT)
  return { way, judgement, events: judgement.events.map(({ news }) => news.type) }
}

describe('a way', () => {
  it('leads an unsigned image to its destination, sealed', () => {
    const { way } = judge(inputWith(examined))
    assert.equal(way.isToBeSealed, true)
    assert.deepEqual(way.orders, [])
  })

  it('seals nothing that is held back, was signed, or bears a used UID', () => {
    const notAuthentic = { ...examined, verdict: { ...undetermined, verdict: 'not_authentic' } } as const
    const all = [
      inputWith(notAuthentic),
      inputWith({ ...examined, isSealed: true }),
      inputWith(examined, { standing: 'uid_reused' }),
      inputWith(examined, { standing: 'duplicate', reached: new Set(['pacs']) }),
      inputWith(examined, { isRejectedBefore: true }),
      inputWith({ state: 'failed' }),
      inputWith({ state: 'unreadable', code: 'dicom_not_dicom' }),
    ]
    for (const input of all) assert.equal(judge(input, { quarantine: [] }).way.isToBeSealed, false)
  })

  it('names each copy once that is to be made, however many destinations want it', () => {
    const copy = { when: null, deidentify: 'basic', transcode: 'jpeg_ls' } as const
    const to = ['a', 'b'].map((destination) => ({ ...copy, destination }))
    const { way } = judge(inputWith(examined), { to: [...to, { ...copy, destination: 'c', deidentify: null }] })
    assert.deepEqual(way.orders, [
      { deidentify: 'basic', transcode: 'jpeg_ls' },
      { deidentify: null, transcode: 'jpeg_ls' },
    ])
  })

  it('waits for a log that is away, only where nothing else holds it back', () => {
    const onProblem = { ...DEFAULT_ON_PROBLEM, unlogged: 'failClosed' } as const
    const away = inputWith(examined, { isLogAway: true })
    assert.equal(judge(away, { onProblem }).way.isWaitingForLog, true)
    assert.equal(judge(away).way.isWaitingForLog, false)
    const reused = { ...away, standing: 'uid_reused' } as const
    assert.equal(judge(reused, { onProblem }).way.isWaitingForLog, false)
  })
})

describe('a judgement', () => {
  it('forwards, and says what was received and what it came to, each at its moment', () => {
    const { judgement, events } = judge(inputWith(examined))
    assert.equal(judgement.state, 'forwarding')
    assert.deepEqual(events, ['received', 'verified'])
    assert.deepEqual(
      judgement.events.map(({ at }) => at),
      [RECEIVED_AT, AT],
    )
    assert.deepEqual(judgement.deliveries, [
      {
        destination: 'pacs',
        spoolKey: 'key',
        sha256: digest(1),
        sopClassUid: UIDS.sopClassUid,
        sopInstanceUid: '2.25.1',
        transferSyntaxUid: UIDS.transferSyntaxUid,
      },
    ])
  })

  it('sends the sealed copy, and logs the seal by the digests of that copy', () => {
    const sealed = { spoolKey: 'sealed', sealKey: 'seal', sha256: digest(7), seal: digest(8), certificate: digest(9) }
    const { judgement, events } = judge(inputWith(examined), {}, { ...NOTHING_MADE, sealed })
    assert.deepEqual(events, ['received', 'verified', 'sealed-at-gateway'])
    assert.equal(judgement.deliveries[0]?.spoolKey, 'sealed')
    assert.deepEqual(judgement.events[2]?.digests.file, digest(7))
    assert.deepEqual(judgement.events[2]?.digests.dataset, digest(2))
  })

  it('says nothing of receipt for what it holds back: it is no part of the archive yet', () => {
    const { judgement, events } = judge(inputWith(examined, { standing: 'uid_reused' }))
    assert.equal(judgement.state, 'quarantined')
    assert.deepEqual(judgement.reasons, ['uid_reused', 'undetermined'])
    assert.deepEqual(events, ['verified', 'flagged', 'quarantined'])
    assert.equal(judgement.deliveries.length, 1, 'it goes out upon release')
  })

  for (const [held, input] of [
    ['examination_failed', inputWith({ state: 'failed' })],
    ['rejected_before', inputWith(examined, { isRejectedBefore: true })],
    [
      'not_deliverable',
      inputWith({
        ...examined,
        description: { ...examined.description, instance: { ...examined.description.instance, sopClassUid: null } },
      }),
    ],
  ] as const) {
    it(`holds back ${held}, whatever the route says`, () => {
      const open = Object.fromEntries(Object.keys(DEFAULT_ON_PROBLEM).map((name) => [name, 'failOpen']))
      const { judgement } = judge(input, { quarantine: [], onProblem: open as typeof DEFAULT_ON_PROBLEM })
      assert.equal(judgement.state, 'quarantined')
      assert.ok(judgement.reasons.includes(held))
    })
  }

  it('drops a duplicate, but for destinations that have not got it', () => {
    const reached = inputWith(examined, { standing: 'duplicate', reached: new Set(['pacs']) })
    assert.equal(judge(reached).judgement.state, 'done')
    assert.deepEqual(judge(reached).events, ['verified', 'flagged'])
    const unreached = inputWith(examined, { standing: 'duplicate' })
    assert.equal(judge(unreached).judgement.state, 'forwarding')
  })

  it('goes on without a seal, or not, as the route says', () => {
    const made = { ...NOTHING_MADE, sealFailure: 'dicom_order' }
    const open = judge(inputWith(examined), {}, made)
    assert.equal(open.judgement.state, 'forwarding')
    assert.deepEqual(open.events, ['received', 'verified', 'flagged'])
    assert.ok(open.judgement.reasons.includes('seal_failed'))
    const onProblem = { ...DEFAULT_ON_PROBLEM, seal_failed: 'failClosed' } as const
    const closed = judge(inputWith(examined), { onProblem }, made)
    assert.equal(closed.judgement.state, 'quarantined')
  })

  it('never sends an image with its names where one without was asked for', () => {
    const order = { deidentify: 'basic', transcode: null } as const
    const to = [{ destination: 'research', when: null, ...order }]
    const made: Preparation = { ...NOTHING_MADE, copies: [{ ...order, outcome: 'failed', code: 'dicom_order' }] }
    const { judgement } = judge(inputWith(examined), { to }, made)
    assert.equal(judgement.state, 'quarantined')
    assert.deepEqual(judgement.reasons.slice(0, 1), ['deidentify_failed'])
    assert.deepEqual(judgement.deliveries, [], 'nor upon release')
  })

  it('lets other destinations have theirs where a copy without names cannot be made, unless the route fails closed', () => {
    const order = { deidentify: 'basic', transcode: null } as const
    const to = [
      { destination: 'research', when: null, ...order },
      { destination: 'pacs', when: null, deidentify: null, transcode: null },
    ]
    const made: Preparation = {
      ...NOTHING_MADE,
      copies: [{ ...order, outcome: 'failed', code: 'pixels_identifying' }],
    }
    const open = judge(inputWith(examined), { to }, made).judgement
    assert.equal(open.state, 'forwarding')
    assert.deepEqual(
      open.deliveries.map(({ destination }) => destination),
      ['pacs'],
    )
    assert.ok(open.reasons.includes('deidentify_failed'))
    const onProblem = { ...DEFAULT_ON_PROBLEM, deidentify_failed: 'failClosed' } as const
    assert.equal(judge(inputWith(examined), { to, onProblem }, made).judgement.state, 'quarantined')
  })

  it('sends an image that could not be transcoded as it is, where the route fails open', () => {
    const order = { deidentify: null, transcode: 'jpeg_ls' } as const
    const to = [{ destination: 'pacs', when: null, ...order }]
    const made: Preparation = { ...NOTHING_MADE, copies: [{ ...order, outcome: 'failed', code: 'codec_unsupported' }] }
    const { judgement } = judge(inputWith(examined), { to }, made)
    assert.equal(judgement.state, 'forwarding')
    assert.equal(judgement.deliveries[0]?.spoolKey, 'key')
    assert.ok(judgement.reasons.includes('transcode_failed'))
  })

  it('logs a derived copy with the image that it was made of', () => {
    const order = { deidentify: 'basic', transcode: null } as const
    const copy: MadeCopy = {
      ...order,
      outcome: 'made',
      sopClassUid: UIDS.sopClassUid,
      sopInstanceUid: '2.25.99',
      transferSyntaxUid: UIDS.transferSyntaxUid,
      spoolKey: 'derived',
      sha256: digest(6),
      description: {
        ...examined.description,
        instance: { ...examined.description.instance, sopInstanceUid: '2.25.99' },
      },
      kind: 'derived',
      method: 'deidentify',
    }
    const to = [{ destination: 'research', when: null, ...order }]
    const { judgement, events } = judge(inputWith(examined), { to }, { ...NOTHING_MADE, copies: [copy] })
    assert.deepEqual(events, ['received', 'verified', 'derived'])
    assert.equal(judgement.events[2]?.instance.sopInstanceUid, '2.25.99')
    assert.deepEqual(judgement.otherKeys, ['derived'])
    assert.equal(judgement.deliveries[0]?.sopInstanceUid, '2.25.99')
  })
})
