import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encode } from 'fast-png'
import { makeKeys, testTranscript } from '../testing/transcript-stage.ts'
import { pictureOf, pngOf, pressed, writePictures } from '../testing/watch-pictures.ts'

/** As many patients as a model needs, and one more. */
const PATIENTS = 100

testTranscript(join(import.meta.dirname, 'transcripts', 'watch.txt'), async (folder) => {
  await makeKeys(join(folder, '.home'))
  writePictures(join(folder, 'true'), PATIENTS)
  const view = pictureOf(9001)
  const { width, height } = view
  writeFileSync(join(folder, 'new.png'), pngOf(view))
  writeFileSync(join(folder, 'odd.png'), pngOf(pressed(view)))
  writeFileSync(join(folder, 'black.png'), pngOf({ ...view, samples: new Float32Array(width * height) }))
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 7919) & 255)
  writeFileSync(join(folder, 'colour.png'), encode({ width, height, depth: 8, channels: 3, data }))
  const found = {
    region: { kind: 'box', left: 40, top: 40, right: 90, bottom: 90 },
    label: 'opacity',
    score: 0.9,
    frame: 0,
  }
  writeFileSync(join(folder, 'found.json'), JSON.stringify({ form: 'fiducial-findings/1', findings: [found] }))
})
