import { join } from 'node:path'
import { makeManyKeys, testTranscript } from '../testing/transcript-stage.ts'

testTranscript(join(import.meta.dirname, 'transcripts', 'audit.txt'), (folder) => makeManyKeys(join(folder, '.home')))
