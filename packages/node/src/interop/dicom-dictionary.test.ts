/** The dictionary against DCMTK's: an implicit file must mean the same to both, or signatures would not agree. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { implicitVr, lookUp } from '@fiducial/core/formats/dicom/dictionary.ts'
import { formatTag } from '@fiducial/core/formats/dicom/element.ts'
import { peer } from '../testing/peers.ts'

const skip = peer('dcmsign').skip

/** DCMTK's choices by context, in an implicit file. */
const VR_OF_DCMTK: Readonly<Record<string, string>> = { ox: 'OW', px: 'OW', lt: 'OW', up: 'UL' }

/** Every entry that differs, and why: `tag theirs ours`. */
const DIFFERENCES = [
  // Items and delimiters are no elements to us.
  '(fffe,e000) na UN',
  '(fffe,e00d) na UN',
  '(fffe,e0dd) na UN',
]

/** The folder's name holds DCMTK's version. */
function dictionaryFile(name: string): string {
  const [folder] = readdirSync('/usr/share')
    .filter((entry) => entry.startsWith('libdcmtk'))
    .toSorted()
  return readFileSync(join('/usr/share', folder ?? 'libdcmtk', name), 'latin1')
}

/** First, second and last of a range, which holds even or odd numbers or all. */
function someOf(first: string, restriction: string | undefined, last: string | undefined): number[] {
  const from = Number.parseInt(first, 16)
  const to = Number.parseInt(last ?? first, 16)
  const isIn = (value: number): boolean =>
    from === to || restriction === 'u' || value % 2 === (restriction === 'o' ? 1 : 0)
  const all = Array.from({ length: to - from + 1 }, (_, i) => from + i).filter(isIn)
  return [...new Set([...all.slice(0, 2), ...all.slice(-1)])]
}

describe('the dictionary and that of DCMTK', { skip }, () => {
  it('give public elements the same VR', () => {
    const line =
      /^\(([0-9a-fA-F]{4})(?:-(?:([uo])-)?([0-9a-fA-F]{4}))?,([0-9a-fA-F]{4})(?:-(?:([uo])-)?([0-9a-fA-F]{4}))?\)\t(\w\w)\t/gm
    const differences: string[] = []
    let count = 0
    for (const [, group = '', groups, lastGroup, element = '', elements, lastElement, vr = ''] of dictionaryFile(
      'dicom.dic',
    ).matchAll(line)) {
      for (const g of someOf(group, groups, lastGroup)) {
        for (const e of someOf(element, elements, lastElement)) {
          const tag = g * 0x10000 + e
          const ours = implicitVr(tag, () => undefined)
          if (ours !== (VR_OF_DCMTK[vr] ?? vr)) differences.push(`${formatTag(tag)} ${vr} ${ours}`)
          count++
        }
      }
    }
    assert.ok(count > 5000, `${count} entries`)
    assert.deepEqual(differences, DIFFERENCES)
  })

  it('give public elements the same keyword, retired or not', () => {
    const line = /^\(([0-9a-fA-F]{4}),([0-9a-fA-F]{4})\)\t(?!na)\w\w\t(\w+)\t\S+\tDICOM(\/retired)?/gm
    let count = 0
    const differences: string[] = []
    for (const [, group = '', element = '', name = '', retired] of dictionaryFile('dicom.dic').matchAll(line)) {
      const tag = Number.parseInt(group + element, 16)
      count++
      const keyword = name.replace(/^RETIRED_/, '')
      const ours = lookUp(tag)?.keyword
      if (ours !== keyword && !(retired !== undefined && ours === '-'))
        differences.push(`${formatTag(tag)} ${keyword} ${ours}`)
    }
    assert.ok(count > 4500, `${count} entries`)
    assert.deepEqual(differences, [])
  })

  it('give private elements the same VR', () => {
    const line = /^\(([0-9a-fA-F]{4})(?:-(?:([uo])-)?([0-9a-fA-F]{4}))?,"([^"]*)",([0-9a-fA-F]{2,4})\)\t(\w\w)/gm
    const known = new Map<string, string[]>()
    for (const [, group = '', groups, lastGroup, creator = '', element = '', vr = ''] of dictionaryFile(
      'private.dic',
    ).matchAll(line)) {
      for (const g of someOf(group, groups ?? (lastGroup && 'o'), lastGroup)) {
        const key = `${g} ${element.slice(-2).toLowerCase()} ${creator}`
        known.set(key, [...(known.get(key) ?? []), VR_OF_DCMTK[vr] ?? vr])
      }
    }
    assert.ok(known.size > 2000, `${known.size} entries`)
    const differences: string[] = []
    for (const [key, vrs] of known) {
      const [group = '', element = '', ...creator] = key.split(' ')
      const tag = Number(group) * 0x10000 + 0x1100 + Number.parseInt(element, 16)
      const ours = implicitVr(tag, (block) =>
        block === Number(group) * 0x10000 + 0x11 ? creator.join(' ') : undefined,
      )
      if (vrs[0] !== ours) differences.push(`${key} ${vrs} ${ours}`)
    }
    assert.deepEqual(differences, [])
  })
})
