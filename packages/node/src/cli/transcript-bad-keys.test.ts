import { join } from 'node:path'
import { makeLockedKeys, makeManyKeys, testTranscript } from '../testing/transcript-stage.ts'

testTranscript(join(import.meta.dirname, 'transcripts', 'bad-keys.txt'), async (folder) => {
  await makeManyKeys(join(folder, '.home'))
  await makeLockedKeys(join(folder, 'locked'))
})
