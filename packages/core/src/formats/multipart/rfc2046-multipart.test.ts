import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeLatin1, encodeLatin1, joinBytes } from '../../bytes/text.ts'
import { FormatError } from '../../errors.ts'
import { seeded } from '../../testing/seeded.ts'
import { boundaryOf, formatLastDelimiter, formatPartHead, formatRelatedType } from './format.ts'
import { MULTIPART_LIMITS, type MultipartLimits, MultipartParser, readBoundary } from './parse.ts'

interface Part {
  readonly headers: ReadonlyMap<string, string>
  readonly body: Uint8Array
}

const refused = { code: 'multipart_malformed' }

/** Reads a body in chunks that end where `cuts` says. */
function read(boundary: string, chunks: Iterable<Uint8Array>, limits?: MultipartLimits): Part[] {
  const parts: Part[] = []
  let headers: ReadonlyMap<string, string> = new Map()
  let pieces: Uint8Array[] = []
  let isOpen = false
  const parser = new MultipartParser(
    boundary,
    {
      begin(found) {
        assert.equal(isOpen, false)
        isOpen = true
        headers = found
        pieces = []
      },
      body(bytes) {
        assert.ok(isOpen && bytes.length > 0)
        pieces.push(bytes.slice())
      },
      end() {
        assert.ok(isOpen)
        isOpen = false
        parts.push({ headers, body: joinBytes(pieces) })
      },
    },
    limits,
  )
  for (const chunk of chunks) parser.write(chunk)
  parser.end()
  return parts
}

const readText = (text: string, boundary = 'b', limits?: MultipartLimits): [string[], string][] =>
  read(boundary, [encodeLatin1(text)], limits).map(({ headers, body }) => [
    [...headers].map(([name, value]) => `${name}=${value}`),
    decodeLatin1(body),
  ])

function* cut(bytes: Uint8Array, next: () => number): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const length = Math.max(1, next())
    yield bytes.subarray(at, at + length)
    at += length
  }
}

function write(boundary: string, parts: readonly Part[]): Uint8Array {
  const pieces = parts.flatMap(({ headers, body }, i) => [formatPartHead(boundary, headers, i === 0), body])
  return joinBytes([...pieces, formatLastDelimiter(boundary)])
}

describe('multipart, RFC 2046 section 5.1', () => {
  it('reads the example of the standard, with preamble and epilogue', () => {
    const text = [
      'This is the preamble.  It is to be ignored.',
      '',
      '--simple boundary',
      '',
      'This is implicitly typed plain US-ASCII text.',
      'It does NOT end with a linebreak.',
      '--simple boundary',
      'Content-type: text/plain; charset=us-ascii',
      '',
      'This is explicitly typed plain US-ASCII text.',
      'It DOES end with a linebreak.',
      '',
      '--simple boundary--',
      '',
      'This is the epilogue.  It is also to be ignored.',
    ].join('\r\n')
    assert.deepEqual(readText(text, readBoundary('multipart/mixed; boundary="simple boundary"')), [
      [[], 'This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a linebreak.'],
      [
        ['content-type=text/plain; charset=us-ascii'],
        'This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n',
      ],
    ])
  })

  it('reads parts without headers, without bytes, and with lines that nearly are delimiters', () => {
    const bodies = [
      '',
      '\r\n',
      '\r',
      '\r\n-',
      '\r\n--',
      '\r\n--c',
      '--',
      '\r\r\n--\r\n--a',
      '\r\n\r\n--',
      '-b',
      'x\r\n--',
    ]
    const text = `${bodies.map((body) => `--b\r\n\r\n${body}\r\n`).join('')}--b--`
    assert.deepEqual(
      readText(text).map(([, body]) => body),
      bodies,
    )
  })

  it('takes a delimiter right behind the headers for the end of a part without a body', () => {
    assert.deepEqual(readText('--b\r\nA: 1\r\n\r\n--b\r\n\r\n--b--'), [
      [['a=1'], ''],
      [[], ''],
    ])
  })

  it('reads padding behind a delimiter, and folded headers', () => {
    assert.deepEqual(readText('--b \t \r\nA: 1\r\n\t2\r\nb:3 \r\n\r\nx\r\n--b--'), [[['a=1 2', 'b=3'], 'x']])
  })

  const refusals: Record<string, string> = {
    'an empty body': '',
    'a body without a delimiter': 'abc',
    'a missing last delimiter': '--b\r\n\r\nx',
    'a last delimiter without its hyphens': '--b\r\n\r\nx\r\n--b\r\n',
    'a last delimiter with one hyphen': '--b\r\n\r\nx\r\n--b-',
    'no part': '--b--',
    'another line behind the boundary': '--b\r\n\r\nx\r\n--bc\r\n\r\n--b--',
    'a bare line feed behind a delimiter': '--b\n\r\nx\r\n--b--',
    'a carriage return alone': '--b\r\r\n\r\nx\r\n--b--',
    'a hyphen behind padding': '--b --',
    'a header without a colon': '--b\r\nabc\r\n\r\nx\r\n--b--',
    'a header without a name': '--b\r\n: x\r\n\r\nx\r\n--b--',
    'a space in the name of a header': '--b\r\nA b: x\r\n\r\nx\r\n--b--',
    'a header that stands twice': '--b\r\nA: 1\r\na: 2\r\n\r\nx\r\n--b--',
    'a line feed alone in a header': '--b\r\nA: 1\nB: 2\r\n\r\nx\r\n--b--',
    'a NUL in a header': '--b\r\nA: 1\0\r\n\r\nx\r\n--b--',
    'headers that do not end': '--b\r\nA: 1\r\n',
  }
  for (const [name, text] of Object.entries(refusals)) {
    it(`refuses ${name}, in one chunk and byte by byte`, () => {
      assert.throws(() => readText(text), refused)
      assert.throws(
        () =>
          read(
            'b',
            cut(encodeLatin1(text), () => 1),
          ),
        refused,
      )
    })
  }

  it('refuses what goes over a limit', () => {
    const limits = { ...MULTIPART_LIMITS, headerBytes: 20, parts: 2, strayBytes: 10 }
    const ok = `${'x'.repeat(8)}\r\n--b\r\nA: ${'x'.repeat(15)}\r\n\r\n\r\n--b\r\n\r\n\r\n--b--`
    assert.equal(readText(ok, 'b', limits).length, 2)
    assert.throws(() => readText(ok.replace('A:', 'AB:'), 'b', limits), refused)
    assert.throws(() => readText(ok.replace('--b--', '--b\r\n\r\n\r\n--b--'), 'b', limits), refused)
    assert.throws(() => readText(`xxx${ok}`, 'b', limits), refused)
    assert.throws(() => readText(`${ok}xxx`, 'b', limits), refused)
    assert.throws(() => readText(ok.replace('--b\r\n', `--b${' '.repeat(20)}\r\n`), 'b', limits), refused)
  })

  it('refuses boundaries that the standard does not allow, and types without one', () => {
    const types = [
      'multipart/related',
      'text/plain; boundary=x',
      'multipart/related; boundary=""',
      'multipart/related; boundary="x "',
    ]
    types.push(
      `multipart/related; boundary=${'x'.repeat(201)}`,
      'multipart/related; boundary="a\tb"',
      'multipart/related; boundary="a*b"',
      'x',
    )
    for (const type of types) assert.throws(() => readBoundary(type), refused, type)
    assert.equal(readBoundary(`multipart/related; boundary=${'x'.repeat(200)}`).length, 200)
    assert.throws(() => new MultipartParser('a\r\nb', { begin() {}, body() {}, end() {} }), refused)
  })

  it('hands on what a handler throws', () => {
    const handler = {
      begin: () => undefined,
      body: () => {
        throw new RangeError('enough')
      },
      end: () => undefined,
    }
    assert.throws(() => new MultipartParser('b', handler).write(encodeLatin1('--b\r\n\r\nx')), RangeError)
  })

  it('reads what it writes', () => {
    const boundary = boundaryOf(new Uint8Array(16).fill(0xab))
    const parts = [
      { headers: new Map([['content-type', 'application/dicom']]), body: Uint8Array.of(1, 2, 3) },
      { headers: new Map(), body: new Uint8Array() },
    ]
    assert.equal(readBoundary(formatRelatedType(boundary, 'application/dicom')), boundary)
    assert.deepEqual(read(boundary, [write(boundary, parts)]), parts)
    assert.throws(() => formatPartHead('b', new Map([['a', 'b\r\nc: d']]), true), RangeError)
  })
})

const RUNS = Number(process.env.FIDUCIAL_FUZZ_RUNS ?? 100_000)

describe('multipart, fuzzed', () => {
  const boundaries = ['b', '-', '--', 'aaaa', 'a-a-a', "'()+_,-./:=?", 'x'.repeat(200)]
  /** Bodies of what a delimiter is made of. */
  const alphabet = encodeLatin1('\r\n-ba \r\n\0')
  const random = seeded(4711)
  const bytes = (length: number): Uint8Array =>
    Uint8Array.from({ length }, () => alphabet[random(alphabet.length)] as number)
  const sample = (boundary: string): Part[] =>
    Array.from({ length: 1 + random(4) }, () => ({
      headers: new Map(Array.from({ length: random(3) }, (_, i) => [`h${i}`, 'v'.repeat(random(9))])),
      body: bytes(random(40)),
    })).filter(({ body }) => !`\r\n${decodeLatin1(body)}`.includes(`\r\n--${boundary}`))

  it(`gives the same parts whatever the chunks, and for damaged bodies parts or its own error (${RUNS} bodies)`, () => {
    let refusals = 0
    for (let i = 0; i < RUNS; i++) {
      const boundary = boundaries[i % boundaries.length] as string
      const parts = sample(boundary)
      if (parts.length === 0) continue
      const body = write(boundary, parts)
      const widest = 1 + random(30)
      const found = read(
        boundary,
        cut(body, () => random(widest)),
      )
      // Compared by hand: deepEqual would take most of the time.
      assert.equal(spell(found), spell(parts))
      const damaged = damage(body)
      try {
        const whole = read(boundary, [damaged])
        assert.equal(
          spell(
            read(
              boundary,
              cut(damaged, () => random(widest)),
            ),
          ),
          spell(whole),
        )
      } catch (error) {
        assert.ok(error instanceof FormatError && error.code === 'multipart_malformed', String(error))
        assert.throws(
          () =>
            read(
              boundary,
              cut(damaged, () => random(widest)),
            ),
          refused,
        )
        refusals++
      }
    }
    assert.ok(refusals > 0)
  })

  it('takes steps linear in the body, for the boundaries and bodies that invite more', () => {
    // Counted, not timed: each byte that is read goes through a proxy.
    const length = 20_000
    for (const [boundary, pattern] of [
      ['a'.repeat(200), 'a'],
      ['a'.repeat(200), `\r\n--${'a'.repeat(199)}`],
      ['-'.repeat(70), '\r\n-'],
      ['b', '\r\n--'],
      ['ab'.repeat(35), 'ab'],
    ] as const) {
      const body = encodeLatin1(`--${boundary}\r\n\r\n${pattern.repeat(length / pattern.length)}\r\n--${boundary}--`)
      let reads = 0
      const counting = new Proxy(body, {
        get(target, key) {
          if (typeof key === 'string' && /^\d+$/.test(key)) reads++
          const value = Reflect.get(target, key, target)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
      const parser = new MultipartParser(boundary, { begin() {}, body() {}, end() {} })
      parser.write(counting)
      parser.end()
      assert.ok(reads < 4 * body.length, `${reads} reads of ${body.length} bytes for ${pattern.slice(0, 9)}`)
    }
  })

  const spell = (parts: readonly Part[]): string =>
    parts.map(({ headers, body }) => `${[...headers].join()}|${decodeLatin1(body)}`).join('\u2028')

  function damage(body: Uint8Array): Uint8Array {
    const at = random(body.length)
    switch (random(4)) {
      case 0:
        return body.subarray(0, at)
      case 1:
        return joinBytes([body.subarray(0, at), bytes(1 + random(6)), body.subarray(at)])
      case 2:
        return joinBytes([body.subarray(0, at), body.subarray(Math.min(body.length, at + 1 + random(6)))])
      default: {
        const changed = body.slice()
        changed[at] = random(256)
        return changed
      }
    }
  }
})
