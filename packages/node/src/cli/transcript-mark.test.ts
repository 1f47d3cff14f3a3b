import { join } from 'node:path'
import { makeKeys, testTranscript } from '../testing/transcript-stage.ts'

testTranscript(join(import.meta.dirname, 'transcripts', 'mark.txt'), (folder) => makeKeys(join(folder, '.home')))
