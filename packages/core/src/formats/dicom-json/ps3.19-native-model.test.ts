import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DicomJson } from './model.ts'
import { formatNativeXml } from './native-xml.ts'

const body = (model: DicomJson): string => {
  const text = formatNativeXml(model)
  const [, inside] =
    /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<NativeDicomModel [^>]*>(.*)<\/NativeDicomModel>\n$/s.exec(text) ?? []
  return inside ?? assert.fail(text)
}

describe('Native DICOM Model, PS3.19 annex A', () => {
  const cases: readonly (readonly [what: string, model: DicomJson, xml: string])[] = [
    [
      'text, several values, and none',
      { '00080008': { vr: 'CS', Value: ['A', null, 'C'] }, '00080050': { vr: 'SH' } },
      '<DicomAttribute tag="00080008" keyword="ImageType" vr="CS"><Value number="1">A</Value><Value number="3">C</Value></DicomAttribute><DicomAttribute tag="00080050" keyword="AccessionNumber" vr="SH"></DicomAttribute>',
    ],
    [
      'names',
      { '00100010': { vr: 'PN', Value: [{ Alphabetic: 'A^B^^^E', Phonetic: 'x' }] } },
      '<DicomAttribute tag="00100010" keyword="PatientName" vr="PN"><PersonName number="1"><Alphabetic><FamilyName>A</FamilyName><GivenName>B</GivenName><NameSuffix>E</NameSuffix></Alphabetic><Phonetic><FamilyName>x</FamilyName></Phonetic></PersonName></DicomAttribute>',
    ],
    [
      'items',
      { '00081032': { vr: 'SQ', Value: [{}, { '00080100': { vr: 'SH', Value: ['x'] } }] } },
      '<DicomAttribute tag="00081032" keyword="ProcedureCodeSequence" vr="SQ"><Item number="1"></Item><Item number="2"><DicomAttribute tag="00080100" keyword="CodeValue" vr="SH"><Value number="1">x</Value></DicomAttribute></Item></DicomAttribute>',
    ],
    [
      'bytes and addresses',
      { '7FE00010': { vr: 'OB', BulkDataURI: 'http://x/?a&b' }, '7FE00008': { vr: 'OF', InlineBinary: 'AAAA' } },
      '<DicomAttribute tag="7FE00008" keyword="FloatPixelData" vr="OF"><InlineBinary>AAAA</InlineBinary></DicomAttribute><DicomAttribute tag="7FE00010" keyword="PixelData" vr="OB"><BulkData uri="http://x/?a&amp;b"/></DicomAttribute>',
    ],
    [
      'private elements by their creator',
      { '00090010': { vr: 'LO', Value: ['O"S'] }, '00091001': { vr: 'US', Value: [5] }, '000B1001': { vr: 'UN' } },
      '<DicomAttribute tag="00090010" vr="LO"><Value number="1">O&quot;S</Value></DicomAttribute><DicomAttribute tag="00090001" privateCreator="O&quot;S" vr="US"><Value number="1">5</Value></DicomAttribute><DicomAttribute tag="000B1001" vr="UN"></DicomAttribute>',
    ],
    [
      'characters that XML reads otherwise, or cannot hold',
      { '00100020': { vr: 'LO', Value: ['<a>&"b"\r\n\u0000\ud800'] } },
      '<DicomAttribute tag="00100020" keyword="PatientID" vr="LO"><Value number="1">&lt;a&gt;&amp;&quot;b&quot;&#13;\n\ufffd\ufffd</Value></DicomAttribute>',
    ],
    [
      'an attack on its own attributes',
      { '00100020': { vr: 'LO"><x a="', Value: [] } },
      '<DicomAttribute tag="00100020" keyword="PatientID" vr="LO&quot;&gt;&lt;x a=&quot;"></DicomAttribute>',
    ],
  ]
  for (const [what, model, xml] of cases) {
    it(`writes ${what}`, () => {
      assert.equal(body(model), xml)
    })
  }
})
