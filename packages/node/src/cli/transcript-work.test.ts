import { join } from 'node:path'
import { makeManyKeys, testTranscript } from '../testing/transcript-stage.ts'

testTranscript(join(import.meta.dirname, 'transcripts', 'work.txt'), (folder) => makeManyKeys(join(folder, '.home')))
