/**
 * Forgeries: what people do to sealed images, as functions over their bytes, for demonstrations, drills and tests.
 *
 * Most of them leave every signature of PS3.15 valid, or at least leave a file that viewers show without a word; the
 * explanation of each is in docs/explanation/forgeries.md. Those that need keys of their own (a rogue authority, an
 * expired device) are made by sealing with such keys, and are not here.
 */
import { concatBytes } from '../../bytes/text.ts'
import { findElement, type Tag } from '../../formats/dicom/element.ts'
import type { NewElement } from '../../formats/dicom/encode.ts'
import { readUint16s, text, textAt, us } from '../../formats/dicom/values.ts'
import { addSecond, elementOf, keepItems, openImage, removeElements, replaceRange, setElements } from './edit.ts'
import { paintNodule } from './nodule.ts'
import { PIXEL_DATA, readGrey, sampleBytes, setSamples } from './samples.ts'

export interface Forgery {
  /** Lower case, for file names. */
  readonly id: string
  /** What was done, as one clause. */
  readonly title: string
  /** What somebody would gain by it. */
  readonly motive: string
  /** Which kind of image it is for. */
  readonly victim: 'radiograph' | 'cine'
  /**
   * @param file  a sealed image, uncompressed and of 16 bits; for `cine` one of several fragments
   * @throws {RangeError} for an image of another kind
   */
  readonly apply: (file: Uint8Array) => Uint8Array
  /** Whether the seal still lies beside the forged file. */
  readonly keepsSeal: boolean
}

const MAC_PARAMETERS: Tag = 0x4ffe0001
const SIGNATURES: Tag = 0xfffafffa

/** One bit of one pixel, in the middle of the picture. */
export function flipPixel(file: Uint8Array): Uint8Array {
  const { samples, rows, columns } = readGrey(file)
  const at = Math.floor(rows / 2) * columns + Math.floor(columns / 2)
  samples[at] = (samples[at] ?? 0) ^ 1
  return setSamples(file, samples)
}

/** A spot in a lung that was never there. */
export const addNodule = (file: Uint8Array): Uint8Array => setSamples(file, paintNodule(readGrey(file)))

/** The picture of one patient under the name of another. */
export const swapPatient = (file: Uint8Array): Uint8Array =>
  setElements(file, text(0x00100010, 'PN', 'DEMO^OTHER^PATIENT'), text(0x00100020, 'LO', 'DEMO-9999'))

/** A second Pixel Data: some readers take the first one, others the last. */
export function addSecondPixels(file: Uint8Array): Uint8Array {
  const value = sampleBytes(paintNodule(readGrey(file)))
  return addSecond(file, { tag: PIXEL_DATA, vr: 'OW', value })
}

export const addSecondPatient = (file: Uint8Array): Uint8Array => addSecond(file, text(0x00100020, 'LO', 'DEMO-9999'))

/** An overlay that viewers draw over the picture: here the outline of a finding. */
export function addOverlay(file: Uint8Array): Uint8Array {
  const { rows, columns } = readGrey(file)
  return setElements(
    file,
    us(0x60000010, rows),
    us(0x60000011, columns),
    text(0x60000040, 'CS', 'G'),
    { tag: 0x60000050, vr: 'SS', value: Uint8Array.of(1, 0, 1, 0) },
    us(0x60000100, 1),
    us(0x60000102, 0),
    { tag: 0x60003000, vr: 'OW', value: drawRing(rows, columns) },
  )
}

/** A shutter that blacks out the part with the finding. */
export function addShutter(file: Uint8Array): Uint8Array {
  const { rows, columns } = readGrey(file)
  const is = (tag: Tag, share: number, of: number): NewElement => text(tag, 'IS', String(Math.round(share * of)))
  return setElements(
    file,
    text(0x00181600, 'CS', 'RECTANGULAR'),
    is(0x00181602, 0.45, columns),
    is(0x00181604, 1, columns),
    is(0x00181606, 0.05, rows),
    is(0x00181608, 1, rows),
  )
}

/** A window in which soft findings drown. */
export function changeWindow(file: Uint8Array): Uint8Array {
  const { window } = readGrey(file)
  return setElements(
    file,
    text(0x00281050, 'DS', String(Math.round(window.center * 0.5))),
    text(0x00281051, 'DS', String(Math.max(2, Math.round(window.width * 0.15)))),
  )
}

/** The other side of the body: an operation follows the letter. */
export function swapSide(file: Uint8Array): Uint8Array {
  const { dataSet } = openImage(file)
  const tag = findElement(dataSet.elements, 0x00200062) === undefined ? 0x00200060 : 0x00200062
  return setElements(file, text(tag, 'CS', textAt(dataSet, tag) === 'R' ? 'L' : 'R'))
}

/** Last year's image as one of today. */
export function replayDate(file: Uint8Array): Uint8Array {
  const { dataSet } = openImage(file)
  const dates: readonly Tag[] = [0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x0008002a]
  return setElements(
    file,
    ...dates.flatMap((tag) => {
      const written = textAt(dataSet, tag)
      if (written === undefined) return []
      const later = String(Number(written.slice(0, 4)) + 1) + written.slice(4)
      return [text(tag, tag === 0x0008002a ? 'DT' : 'DA', later)]
    }),
  )
}

/** No signature at all, as a careless or a careful archive leaves it. */
export const stripAll = (file: Uint8Array): Uint8Array => removeElements(file, MAC_PARAMETERS, SIGNATURES)

/** The technologist's signature alone: neither in the file speaks of the other. */
export function removeDevice(file: Uint8Array): Uint8Array {
  const device = macIdOf(file, '14')
  const isOther = (
    item: { readonly elements: Parameters<typeof findElement>[0] },
    { dataSet }: ReturnType<typeof openImage>,
  ): boolean => {
    const id = findElement(item.elements, 0x04000005)
    return id === undefined || readUint16s(dataSet.source, id)[0] !== device
  }
  return keepItems(keepItems(file, MAC_PARAMETERS, isOther), SIGNATURES, isOther)
}

/** The first bytes of a program, which Windows would start by the file's name alone. */
export const addProgram = (file: Uint8Array): Uint8Array => replaceRange(file, 0, 2, Uint8Array.of(0x4d, 0x5a))

/**
 * Two fragments as one: a frame less. The stream of PS3.15 has no lengths in it, so the signatures stay valid if the
 * second fragment's tag stays and its length goes.
 */
export function mergeFragments(file: Uint8Array): Uint8Array {
  const { fragments = [] } = elementOf(openImage(file), PIXEL_DATA)
  const [, first, second] = fragments
  if (first === undefined || second === undefined || fragments.length < 4)
    throw new RangeError('the image has no three fragments')
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, first.end - first.valueStart + 4 + (second.end - second.valueStart), true)
  const merged = concatBytes(length, file.subarray(first.valueStart, second.start + 4))
  return replaceRange(file, first.start + 4, second.valueStart, merged)
}

/** Number of the MAC parameters of the signature with a purpose. */
function macIdOf(file: Uint8Array, purpose: string): number | undefined {
  const image = openImage(file)
  const { source } = image.dataSet
  for (const { elements } of elementOf(image, SIGNATURES).items ?? []) {
    const code = findElement(elements, 0x04000401)?.items?.[0]
    const isIt = code !== undefined && textAt({ ...image.dataSet, elements: code.elements }, 0x00080100) === purpose
    const id = findElement(elements, 0x04000005)
    if (isIt && id !== undefined) return readUint16s(source, id)[0]
  }
  throw new RangeError('the image has no signature of this purpose')
}

/** One bit a pixel, the first in the lowest bit: a ring around the place where the nodule would be. */
function drawRing(rows: number, columns: number): Uint8Array {
  const bits = new Uint8Array(Math.ceil((rows * columns) / 16) * 2)
  const [x, y] = [0.32 * columns, 0.4 * rows]
  const radius = columns / 14
  for (let v = Math.max(0, Math.floor(y - radius - 4)); v < Math.min(rows, y + radius + 4); v++) {
    for (let u = Math.max(0, Math.floor(x - radius - 4)); u < Math.min(columns, x + radius + 4); u++) {
      if (Math.abs(Math.hypot(u - x, v - y) - radius) > 2) continue
      const at = v * columns + u
      bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7))
    }
  }
  return bits
}

/** All that need no keys, from the plainest to the most cunning. */
export const FORGERIES: readonly Forgery[] = [
  {
    id: 'pixel-flip',
    title: 'one bit of one pixel flipped',
    motive: 'the smallest change there is',
    victim: 'radiograph',
    apply: flipPixel,
    keepsSeal: true,
  },
  {
    id: 'nodule',
    title: 'a nodule painted into the lung',
    motive: 'insurance fraud, or a patient frightened for life',
    victim: 'radiograph',
    apply: addNodule,
    keepsSeal: true,
  },
  {
    id: 'patient-swap',
    title: 'name and ID of another patient',
    motive: 'somebody else’s illness in a record',
    victim: 'radiograph',
    apply: swapPatient,
    keepsSeal: true,
  },
  {
    id: 'side-swap',
    title: 'left and right exchanged',
    motive: 'an operation on the wrong side',
    victim: 'radiograph',
    apply: swapSide,
    keepsSeal: true,
  },
  {
    id: 'second-pixels',
    title: 'a second Pixel Data behind the first',
    motive: 'the signature covers one picture, the viewer shows the other',
    victim: 'radiograph',
    apply: addSecondPixels,
    keepsSeal: true,
  },
  {
    id: 'second-patient',
    title: 'a second Patient ID behind the first',
    motive: 'two systems file the image under two patients',
    victim: 'radiograph',
    apply: addSecondPatient,
    keepsSeal: true,
  },
  {
    id: 'overlay',
    title: 'the outline of a finding as overlay',
    motive: 'viewers draw it over the picture; no signed byte changes',
    victim: 'radiograph',
    apply: addOverlay,
    keepsSeal: true,
  },
  {
    id: 'shutter',
    title: 'a shutter over half of the chest',
    motive: 'a finding goes unseen; no signed byte changes',
    victim: 'radiograph',
    apply: addShutter,
    keepsSeal: true,
  },
  {
    id: 'window',
    title: 'a window in which findings drown',
    motive: 'every pixel is there, and nobody sees it',
    victim: 'radiograph',
    apply: changeWindow,
    keepsSeal: true,
  },
  {
    id: 'replay',
    title: 'last year’s image under a new date',
    motive: 'an old fracture as proof of a new accident',
    victim: 'radiograph',
    apply: replayDate,
    keepsSeal: true,
  },
  {
    id: 'device-removed',
    title: 'the device’s signature taken out',
    motive: 'the technologist’s stays, and seems to vouch for a picture of unknown origin',
    victim: 'radiograph',
    apply: removeDevice,
    keepsSeal: true,
  },
  {
    id: 'stripped',
    title: 'all signatures taken out, seal left',
    motive: 'older checkers pass what is not signed',
    victim: 'radiograph',
    apply: stripAll,
    keepsSeal: true,
  },
  {
    id: 'stripped-bare',
    title: 'all signatures and the seal gone',
    motive: 'silence looks like innocence',
    victim: 'radiograph',
    apply: stripAll,
    keepsSeal: false,
  },
  {
    id: 'program',
    title: 'a program’s header in the preamble',
    motive: 'an image that is also malware',
    victim: 'radiograph',
    apply: addProgram,
    keepsSeal: true,
  },
  {
    id: 'fragments-merged',
    title: 'two fragments of a cine merged',
    motive: 'a frame is hidden; a flaw of the standard keeps its signatures valid',
    victim: 'cine',
    apply: mergeFragments,
    keepsSeal: true,
  },
]

/** A forgery by its id. */
export const findForgery = (id: string): Forgery | undefined => FORGERIES.find((forgery) => forgery.id === id)
