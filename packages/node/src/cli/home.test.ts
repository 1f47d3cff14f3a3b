import assert from 'node:assert/strict'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { findHome } from './home.ts'

describe('findHome', () => {
  it('takes FIDUCIAL_HOME before all', () => {
    for (const platform of ['linux', 'darwin', 'win32'] as const)
      assert.equal(findHome({ FIDUCIAL_HOME: 'here' }, platform), 'here')
  })

  it('takes the platform’s folder for data', () => {
    const home = homedir()
    assert.equal(findHome({}, 'linux'), join(home, '.local', 'share', 'fiducial'))
    assert.equal(findHome({ XDG_DATA_HOME: '/data' }, 'linux'), '/data/fiducial')
    assert.equal(
      findHome({ XDG_DATA_HOME: 'relative', FIDUCIAL_HOME: '' }, 'linux'),
      join(home, '.local', 'share', 'fiducial'),
    )
    assert.equal(findHome({}, 'darwin'), join(home, 'Library', 'Application Support', 'fiducial'))
    assert.equal(findHome({ APPDATA: '/roaming' }, 'win32'), join('/roaming', 'fiducial'))
    assert.equal(findHome({}, 'win32'), join(home, 'AppData', 'Roaming', 'fiducial'))
  })
})
