/**
 * Character set: the text of a value, in whatever repertoire Specific Character Set (0008,0005) names.
 *
 * Source: PS3.3 section C.12.1.1.2 (defined terms), PS3.5 section 6.1.2 (ISO 2022 code extensions).
 * The tables themselves are those of the runtime's TextDecoder; here is only which of them holds where in a value.
 * Decoding never fails: what no table knows becomes U+FFFD, since a report about a damaged file must still be made.
 */
import type { ByteSource } from '../../bytes/source.ts'
import { decodeLatin1 } from '../../bytes/text.ts'
import { type Element, findElement, type Vr } from './element.ts'
import { readBytes, readText } from './values.ts'
import { trimPadding } from './vr.ts'

/** What (0008,0005) says, or what holds without it. */
export interface CharacterSet {
  /** The encoding of everything, for the sets that know no code extensions; else undefined. */
  readonly whole: string | undefined
  /** The graphic sets at the start of a value and of each of its parts. */
  readonly g0: GraphicSet
  readonly g1: GraphicSet | undefined
}

/** A set of graphic characters, as a part of an encoding that the runtime knows. */
interface GraphicSet {
  /** For TextDecoder; `latin1` for the bytes themselves. */
  readonly encoding: string
  readonly bytesPerCharacter: 1 | 2
  /** What to put before each character, and what to set in each of its bytes, to spell it in that encoding. */
  readonly prefix?: number
  readonly setBits?: number
  /** The bytes that the set uses. */
  readonly first: number
  readonly last: number
}

const REPLACEMENT = '\ufffd'
const ESCAPE = 0x1b
const SPECIFIC_CHARACTER_SET = 0x00080005

const low = { first: 0x21, last: 0x7e } as const
const ASCII: GraphicSet = { encoding: 'latin1', bytesPerCharacter: 1, ...low }
/** ISO-IR 14: as ASCII, save for yen and overline, which Shift JIS reads as ASCII has them: the yen delimits values. */
const ROMAJI: GraphicSet = { encoding: 'shift_jis', bytesPerCharacter: 1, ...low }
const KATAKANA: GraphicSet = { encoding: 'shift_jis', bytesPerCharacter: 1, first: 0xa1, last: 0xdf }
const JIS_X_0208: GraphicSet = { encoding: 'euc-jp', bytesPerCharacter: 2, setBits: 0x80, ...low }
const JIS_X_0212: GraphicSet = { encoding: 'euc-jp', bytesPerCharacter: 2, setBits: 0x80, prefix: 0x8f, ...low }
const KS_X_1001: GraphicSet = { encoding: 'euc-kr', bytesPerCharacter: 2, first: 0xa1, last: 0xfe }
const GB_2312: GraphicSet = { encoding: 'gbk', bytesPerCharacter: 2, first: 0xa1, last: 0xfe }
const upperHalf = (encoding: string): GraphicSet => ({ encoding, bytesPerCharacter: 1, first: 0xa0, last: 0xff })
const LATIN_1 = upperHalf('latin1')
const THAI: GraphicSet = { encoding: 'windows-874', bytesPerCharacter: 1, first: 0xa1, last: 0xfb }

/** Behind `ISO_IR ` or `ISO 2022 IR `: the sets that a first value invokes, and the escape sequence of a later one. */
const TERMS: Readonly<Record<string, { readonly g0?: GraphicSet; readonly g1?: GraphicSet }>> = {
  '6': { g0: ASCII },
  '100': { g1: LATIN_1 },
  '101': { g1: upperHalf('iso-8859-2') },
  '109': { g1: upperHalf('iso-8859-3') },
  '110': { g1: upperHalf('iso-8859-4') },
  '144': { g1: upperHalf('iso-8859-5') },
  '127': { g1: upperHalf('iso-8859-6') },
  '126': { g1: upperHalf('iso-8859-7') },
  '138': { g1: upperHalf('iso-8859-8') },
  '148': { g1: upperHalf('windows-1254') },
  '203': { g1: upperHalf('iso-8859-15') },
  '166': { g1: THAI },
  '13': { g0: ROMAJI, g1: KATAKANA },
  // Invoked by escape sequences only.
  '87': {},
  '159': {},
  '149': { g1: KS_X_1001 },
  '58': { g1: GB_2312 },
}

const WHOLE: Readonly<Record<string, string>> = { 'ISO_IR 192': 'utf-8', GB18030: 'gb18030', GBK: 'gbk' }

/** What stands behind ESC, by PS3.3 tables C.12-3 and C.12-4. */
const ESCAPE_SEQUENCES: Readonly<Record<string, { readonly g0?: GraphicSet; readonly g1?: GraphicSet }>> = {
  '(B': { g0: ASCII },
  '(J': { g0: ROMAJI },
  $B: { g0: JIS_X_0208 },
  '$(D': { g0: JIS_X_0212 },
  ')I': { g1: KATAKANA },
  '$)C': { g1: KS_X_1001 },
  '$)A': { g1: GB_2312 },
  '-A': { g1: LATIN_1 },
  '-B': { g1: upperHalf('iso-8859-2') },
  '-C': { g1: upperHalf('iso-8859-3') },
  '-D': { g1: upperHalf('iso-8859-4') },
  '-L': { g1: upperHalf('iso-8859-5') },
  '-G': { g1: upperHalf('iso-8859-6') },
  '-F': { g1: upperHalf('iso-8859-7') },
  '-H': { g1: upperHalf('iso-8859-8') },
  '-M': { g1: upperHalf('windows-1254') },
  '-b': { g1: upperHalf('iso-8859-15') },
  '-T': { g1: THAI },
}

/** The default repertoire, ISO-IR 6. */
export const DEFAULT_CHARACTER_SET: CharacterSet = { whole: undefined, g0: ASCII, g1: undefined }

/** Value representations that (0008,0005) speaks about (PS3.5 section 6.1.2.2); all others are ASCII. */
const AFFECTED = new Set<Vr>(['LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UT'])
/** Of those, the ones that hold a single value, where a backslash is a character like any other. */
const SINGLE = new Set<Vr>(['LT', 'ST', 'UT'])

/**
 * The character set of (0008,0005) among these elements; `inherited`, that of the surrounding data set, without one.
 * What the later values name needs no look: its escape sequences say the same.
 */
export function readCharacterSet(
  source: ByteSource,
  elements: readonly Element[],
  inherited: CharacterSet = DEFAULT_CHARACTER_SET,
): CharacterSet {
  const element = findElement(elements, SPECIFIC_CHARACTER_SET)
  return element === undefined ? inherited : parseCharacterSet(readText(source, element))
}

/** From the value of (0008,0005). Unknown terms stand for the default repertoire. */
export function parseCharacterSet(value: string): CharacterSet {
  const term = (value.split('\\')[0] ?? '').trim()
  const whole = Object.hasOwn(WHOLE, term) ? WHOLE[term] : undefined
  const number = /^ISO(?:_IR| 2022 IR) (\d+)$/.exec(term)?.[1] ?? '6'
  const { g0 = ASCII, g1 } = TERMS[number] ?? {}
  return { whole, g0, g1 }
}

/** The text of an element of any text VR, at most 64 KiB of it, without padding; values are joined by backslashes. */
export function readCharacters(source: ByteSource, element: Element, characterSet: CharacterSet): string {
  if (!AFFECTED.has(element.vr)) return readText(source, element)
  return trimPadding(decodeCharacters(readBytes(source, element), element.vr, characterSet))
}

/** Text of a value, or of several with the backslashes between them. Never fails. */
export function decodeCharacters(bytes: Uint8Array, vr: Vr, characterSet: CharacterSet): string {
  const { whole } = characterSet
  if (whole !== undefined) return decoderOf(whole).decode(bytes)
  return new Decoding(vr, characterSet).text(bytes)
}

type Decoder = InstanceType<typeof TextDecoder>
const decoders = new Map<string, Decoder>()

function decoderOf(encoding: string): Decoder {
  const decoder = decoders.get(encoding) ?? new TextDecoder(encoding, { ignoreBOM: true })
  decoders.set(encoding, decoder)
  return decoder
}

/** One pass over a value: which sets are invoked, and the characters gathered since that changed. */
class Decoding {
  readonly #initial: CharacterSet
  readonly #delimiters: ReadonlySet<number>
  #g0: GraphicSet
  #g1: GraphicSet | undefined
  #text = ''
  #run: number[] = []
  #encoding = 'latin1'

  constructor(vr: Vr, characterSet: CharacterSet) {
    this.#initial = characterSet
    this.#delimiters = new Set(
      Array.from(SINGLE.has(vr) ? '' : vr === 'PN' ? '\\^=' : '\\', (one) => one.charCodeAt(0)),
    )
    this.#g0 = characterSet.g0
    this.#g1 = characterSet.g1
  }

  text(bytes: Uint8Array): string {
    for (let at = 0; at < bytes.length; ) at += this.#step(bytes, at)
    this.#flush()
    return this.#text
  }

  /** @returns how many bytes were taken */
  #step(bytes: Uint8Array, at: number): number {
    const byte = bytes[at] as number
    if (byte === ESCAPE) return this.#escape(bytes, at)
    if (byte <= 0x20 || byte === 0x7f) {
      // PS3.5 section 6.1.2.5.3: a control character ends what was invoked before it.
      if (byte < 0x20) this.#reset()
      return this.#put('latin1', byte)
    }
    const set = byte < 0x80 ? this.#g0 : this.#g1
    if (set === undefined || byte < set.first || byte > set.last) return this.#put('latin1', undefined)
    if (set.bytesPerCharacter === 1) {
      if (this.#delimiters.has(byte)) this.#reset()
      return this.#put(set.encoding, byte)
    }
    const second = bytes[at + 1] ?? 0
    if (second < set.first || second > set.last) return this.#put('latin1', undefined)
    const bits = set.setBits ?? 0
    if (set.prefix !== undefined) this.#put(set.encoding, set.prefix)
    this.#put(set.encoding, byte | bits)
    this.#put(set.encoding, second | bits)
    return 2
  }

  #escape(bytes: Uint8Array, at: number): number {
    const behind = decodeLatin1(bytes.subarray(at + 1, at + 4))
    for (const length of [2, 3]) {
      const sequence = behind.slice(0, length)
      if (!Object.hasOwn(ESCAPE_SEQUENCES, sequence)) continue
      const { g0, g1 } = ESCAPE_SEQUENCES[sequence] ?? {}
      this.#g0 = g0 ?? this.#g0
      this.#g1 = g1 ?? this.#g1
      return 1 + length
    }
    return this.#put('latin1', undefined)
  }

  #reset(): void {
    this.#g0 = this.#initial.g0
    this.#g1 = this.#initial.g1
  }

  /** @param byte  undefined for what no set knows */
  #put(encoding: string, byte: number | undefined): 1 {
    if (encoding !== this.#encoding || byte === undefined) this.#flush()
    this.#encoding = encoding
    if (byte === undefined) this.#text += REPLACEMENT
    else this.#run.push(byte)
    return 1
  }

  #flush(): void {
    const bytes = Uint8Array.from(this.#run)
    this.#text += this.#encoding === 'latin1' ? decodeLatin1(bytes) : decoderOf(this.#encoding).decode(bytes)
    this.#run = []
  }
}
