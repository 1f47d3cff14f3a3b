/** Pictures torn from real images: chips lead to their place, and the thumbnail shows what was altered. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { areaAfterCrop, cropPicture } from '@fiducial/core/domain/attack/crop.ts'
import { compressJpeg } from '@fiducial/core/domain/attack/jpeg.ts'
import type { Picture } from '@fiducial/core/domain/attack/picture.ts'
import { scalePicture } from '@fiducial/core/domain/attack/resize.ts'
import { rotatePicture } from '@fiducial/core/domain/attack/rotate.ts'
import type { ChipTransform } from '@fiducial/core/domain/mark/chips/read-chips.ts'
import { CELL_STATES, compareThumbnail } from '@fiducial/core/domain/mark/thumbnail/compare.ts'
import { CELLS_ACROSS, makeThumbnail } from '@fiducial/core/domain/mark/thumbnail/thumbnail.ts'
import type { Plane } from '@fiducial/core/domain/pixels/plane.ts'
import { decode } from 'fast-png'
import { sharedPath, sharedSkip } from '../testing/peers.ts'
import { sharedFiles } from '../testing/shared-files.ts'

const FOLDER = 'data/cxr/real/nih-chestxray14'
/** In pixels; each is darkened to three fifths. */
const EDITS = [
  { left: 300, top: 420, side: 8 },
  { left: 520, top: 300, side: 12 },
  { left: 420, top: 640, side: 16 },
  { left: 640, top: 520, side: 32 },
] as const

function open(path: string): Picture {
  const { width, height, data } = decode(readFileSync(path))
  return { width, height, samples: Uint8Array.from(data) }
}

const thumbnailOf = ({ width, height, samples }: Picture) => {
  const plane: Plane = { width, height, bits: 8, samples: Uint16Array.from(samples) }
  return makeThumbnail([plane], [0, 255])
}

function darken(picture: Picture): Picture {
  const samples = picture.samples.slice()
  for (const { left, top, side } of EDITS) {
    for (let i = 0; i < side * side; i++) {
      const at = (top + Math.floor(i / side)) * picture.width + left + (i % side)
      samples[at] = (samples[at] as number) * 0.6
    }
  }
  return { ...picture, samples }
}

/** Cropped by a tenth, three quarters of its size, JPEG 75; and where that lies, a fifth of a cell off. */
function tear(picture: Picture, seed: number): { readonly picture: Picture; readonly transform: ChipTransform } {
  const area = areaAfterCrop(picture, 0.1, seed)
  const torn = compressJpeg(scalePicture(cropPicture(picture, area), 0.75), 75)
  const off = 0.2 / CELLS_ACROSS
  const transform = {
    left: area.left / picture.width + off,
    top: area.top / picture.width - off,
    across: area.width / torn.width / picture.width,
    down: area.height / torn.height / picture.width,
    angle: 0,
  }
  return { picture: torn, transform }
}

describe('thumbnails of real images', { skip: sharedSkip }, () => {
  const paths =
    sharedSkip === false
      ? sharedFiles(FOLDER)
          .filter(({ name }) => name.endsWith('.png'))
          .filter((_, i) => i % 20 === 7)
          .map(({ path }) => path)
      : []
  const pictures = paths
    .map(open)
    .filter(({ width, height, samples }) => width === height && samples.length === width * height)

  it('are there', () => {
    assert.ok(sharedPath(FOLDER) !== '' && pictures.length >= 5, `${pictures.length}`)
  })

  it('accuse no more than one cell in a thousand of pictures torn from them', () => {
    let [visible, accused] = [0, 0]
    for (const [i, original] of pictures.entries()) {
      const { picture, transform } = tear(original, i)
      const found = compareThumbnail(picture, transform, thumbnailOf(original))
      visible += found.visible
      accused += found.states.filter((state) => state === CELL_STATES.differs).length
    }
    assert.ok(accused <= visible / 1000, `${accused} of ${visible}`)
  })

  it('show edits of 8 to 32 pixels', () => {
    let [located, made] = [0, 0]
    for (const [i, original] of pictures.entries()) {
      const { picture, transform } = tear(darken(original), i)
      const { states, columns } = compareThumbnail(picture, transform, thumbnailOf(original))
      const cell = original.width / CELLS_ACROSS
      for (const { left, top, side } of EDITS) {
        made++
        const cells = Array.from({ length: 25 }, (_, k) => {
          const [x, y] = [left + ((k % 5) * side) / 4, top + (Math.floor(k / 5) * side) / 4]
          return states[Math.floor(y / cell) * columns + Math.floor(x / cell)]
        })
        if (cells.includes(CELL_STATES.differs)) located++
      }
    }
    assert.ok(located >= made * 0.95, `${located} of ${made}`)
  })

  it('follow a turn', () => {
    const [original] = pictures as [Picture]
    const turned = rotatePicture(darken(original), -1.5)
    const transform = {
      left: 0,
      top: 0,
      across: 1 / original.width,
      down: 1 / original.width,
      angle: (1.5 * Math.PI) / 180,
    }
    const { states, columns, visible } = compareThumbnail(turned, transform, thumbnailOf(original))
    assert.equal(states[Math.floor(536 / 8) * columns + Math.floor(656 / 8)], CELL_STATES.differs)
    const margin = 8
    const inner = [...states.keys()].filter((i) => {
      const [x, y] = [i % columns, Math.floor(i / columns)]
      return Math.min(x, y) >= margin && Math.max(x, y) < columns - margin && states[i] === CELL_STATES.differs
    })
    assert.ok(inner.length < visible / 100, `${inner.length}`)
  })

  it('do not fit another image', () => {
    const [first, second] = pictures as [Picture, Picture]
    const { picture, transform } = tear(first, 1)
    assert.notEqual(compareThumbnail(picture, transform, thumbnailOf(second)).outcome, 'same')
  })
})
