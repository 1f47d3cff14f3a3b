import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fastFolder } from '../../testing/fast-folder.ts'
import { storeError } from '../../testing/log-contracts/harness.ts'
import { lockGateway } from './gateway-lock.ts'

describe('the lock of a gateway', () => {
  it('admits one at a time', async () => {
    const path = join(fastFolder(), 'lock.db')
    const lock = lockGateway(path)
    assert.throws(() => lockGateway(path), storeError('spool_locked'))
    await lock.close()
    await lock.close()
    const again = lockGateway(path)
    await again.close()
    assert.throws(() => lockGateway(join(path, 'missing', 'x')), storeError('spool_unwritable'))
  })
})
