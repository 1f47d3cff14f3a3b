import { join } from 'node:path'
import { testTranscript } from '../testing/transcript-stage.ts'

testTranscript(join(import.meta.dirname, 'transcripts', 'forge.txt'))
