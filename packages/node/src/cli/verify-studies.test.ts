import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { StoreError } from '@fiducial/core/errors.ts'
import { CommandContext } from '../testing/command-context.ts'
import { MemorySite, makeToySeal } from '../testing/memory-site.ts'
import { EXIT } from './exit.ts'
import type { VerifyRecord } from './verify-record.ts'
import { judgeStudies, showStudies } from './verify-studies.ts'

let files = 0
const found = (sopInstanceUid: string | null, studyInstanceUid: string | null = '2.25.1'): VerifyRecord =>
  ({ path: `file ${++files}`, instance: { sopInstanceUid, studyInstanceUid } }) as VerifyRecord

async function contextWith(...uids: readonly string[]): Promise<CommandContext> {
  const site = new MemorySite()
  await site.fill(async ({ recorder }) => {
    for (const uid of uids) await recorder.recordSeal(await makeToySeal({ uid, study: '2.25.1' }))
    await recorder.recordSeal(await makeToySeal({ uid: '2.25.20', study: '2.25.2' }))
  })
  return new CommandContext({ site })
}

const outcomes = async (context: CommandContext, ...records: readonly VerifyRecord[]) =>
  (await judgeStudies(records, context)).map(({ studyInstanceUid, outcome }) => `${studyInstanceUid} ${outcome}`)

describe('judgeStudies', () => {
  it('finds a study complete of which all images are there', async () => {
    const context = await contextWith('2.25.10', '2.25.11')
    assert.deepEqual(await outcomes(context, found('2.25.10'), found('2.25.11')), ['2.25.1 complete'])
    assert.deepEqual(await outcomes(context, found('2.25.10'), found('2.25.11'), found('2.25.10')), ['2.25.1 complete'])
  })

  it('names what is missing, and what is more', async () => {
    const context = await contextWith('2.25.10', '2.25.11')
    const [study] = await judgeStudies([found('2.25.10')], context)
    assert.deepEqual([study?.outcome, study?.missing], ['incomplete', ['2.25.11']])
    const [other] = await judgeStudies([found('2.25.10'), found('2.25.11'), found('2.25.12')], context)
    assert.deepEqual([other?.outcome, other?.extra], ['contradicted', ['2.25.12']])
  })

  it('judges each study by itself', async () => {
    const context = await contextWith('2.25.10')
    const records = [found('2.25.10'), found('2.25.20', '2.25.2'), found('2.25.30', '2.25.3')]
    assert.deepEqual(await outcomes(context, ...records), ['2.25.1 complete', '2.25.2 complete', '2.25.3 contradicted'])
  })

  it('counts an image that was put in without a name', async () => {
    const context = await contextWith('2.25.10')
    const unnamed = found(null)
    const [study] = await judgeStudies([found('2.25.10'), unnamed], context)
    assert.deepEqual([study?.outcome, study?.extra], ['contradicted', [unnamed.path]])
  })

  it('does not ask the log about a study of a name that no study has', async () => {
    const context = await contextWith('2.25.10')
    for (const name of ['', ' ', 'x'.repeat(10_000), '\ud800', "2.25.1' OR 1=1", '../..']) {
      assert.deepEqual(await outcomes(context, found('2.25.10', name)), [`${name} contradicted`])
    }
  })

  it('has nothing to say of images that name no study', async () => {
    assert.deepEqual(await judgeStudies([found('2.25.10', null)], await contextWith('2.25.10')), [])
    assert.deepEqual(await judgeStudies([], await contextWith()), [])
  })

  it('passes on what the log says', async () => {
    const knownInstances = () => Promise.reject(new StoreError('log_corrupted', 'damaged'))
    const context = new CommandContext({ log: { knownInstances } })
    await assert.rejects(
      judgeStudies([found('2.25.10')], context),
      (error) => error instanceof StoreError && error.code === 'log_corrupted',
    )
  })
})

describe('showStudies', () => {
  it('comes to no good end unless all are complete', async () => {
    const context = await contextWith('2.25.10')
    const complete = await judgeStudies([found('2.25.10')], context)
    const incomplete = await judgeStudies([found('2.25.99')], context)
    assert.equal(showStudies(complete, context.output), EXIT.ok)
    assert.equal(showStudies([...complete, ...incomplete], context.output), EXIT.notAuthentic)
    assert.equal(showStudies([], context.output), EXIT.ok)
    assert.deepEqual(
      context.records.map(({ outcome }) => outcome),
      ['complete', 'complete', 'contradicted'],
    )
  })
})
