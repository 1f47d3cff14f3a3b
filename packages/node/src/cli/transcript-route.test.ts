import { join } from 'node:path'
import { makeKeys, testTranscript } from '../testing/transcript-stage.ts'

testTranscript(join(import.meta.dirname, 'transcripts', 'route.txt'), (folder) => makeKeys(join(folder, '.home')))
