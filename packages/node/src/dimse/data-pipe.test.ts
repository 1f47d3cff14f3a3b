import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DataPipe } from './data-pipe.ts'

const never = (): void => assert.fail('it was not stopped')

describe('a data pipe', () => {
  it('gives what was written, copied, in its order, and then ends', async () => {
    const pipe = new DataPipe()
    const bytes = Uint8Array.of(1, 2)
    assert.equal(pipe.write(bytes, never), true)
    bytes.fill(9)
    pipe.write(Uint8Array.of(3), never)
    pipe.end()
    assert.deepEqual(await Array.fromAsync(pipe.read()), [Uint8Array.of(1, 2), Uint8Array.of(3)])
  })

  it('stops a sender that is faster than its reader, and lets it go on', async () => {
    const pipe = new DataPipe()
    let resumed = 0
    const piece = new Uint8Array(2 ** 18)
    const taken = Array.from({ length: 4 }, () => pipe.write(piece, () => resumed++))
    assert.deepEqual(taken, [true, true, true, false])
    const reader = pipe.read()
    await reader.next()
    assert.equal(resumed, 0)
    await reader.next()
    await reader.next()
    assert.equal(resumed, 1)
    await reader.return(undefined)
  })

  it('passes a failure on behind what has come', async () => {
    const pipe = new DataPipe()
    pipe.write(Uint8Array.of(1), never)
    pipe.fail(new TypeError('gone'))
    const reader = pipe.read()
    assert.deepEqual((await reader.next()).value, Uint8Array.of(1))
    await assert.rejects(reader.next(), TypeError)
  })

  it('holds nobody back once it is closed', () => {
    const pipe = new DataPipe()
    let resumed = 0
    assert.equal(
      pipe.write(new Uint8Array(2 ** 21), () => resumed++),
      false,
    )
    pipe.close()
    assert.equal(resumed, 1)
    assert.equal(pipe.write(new Uint8Array(2 ** 21), never), true)
  })
})
