/**
 * Log page: what a log is, for people who open its address in a browser.
 *
 * One page without script, pictures or anything from elsewhere. It says only what was checked against the policy that
 * lies beside the log; where there is none, it says that nothing was checked.
 */
import { createHash } from 'node:crypto'
import { encodeBase64 } from '@fiducial/core/bytes/base64.ts'
import type { Crypto } from '@fiducial/core/bytes/crypto.ts'
import { judgeQuorum, keysOfPolicy } from '@fiducial/core/domain/log/quorum.ts'
import { type VerifiedCheckpoint, verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { parseNote } from '@fiducial/core/formats/note/note.ts'
import { formatVerifierKey, type VerifierKey } from '@fiducial/core/formats/note/verifier-key.ts'
import { type Checkpoint, parseCheckpoint } from '@fiducial/core/formats/tlog/checkpoint.ts'
import { NO_QUORUM, type WitnessPolicy } from '@fiducial/core/formats/tlog/policy.ts'
import { entriesPath, TILE_WIDTH, tilePath, tileWidth } from '@fiducial/core/formats/tlog/tile.ts'
import { sendContent } from './content.ts'
import { LOG_PAGE_STYLE } from './log-page-style.ts'
import type { PublishedLog } from './published-log.ts'
import { type Face, sendStatus } from './server.ts'

const MUTABLE = 'public, max-age=2, must-revalidate'
const STYLE_HASH = createHash('sha256').update(LOG_PAGE_STYLE).digest('base64')
const POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

export interface LogPageOptions {
  /** What stands before the paths of the log: empty, or begins with a slash and ends without one. Default: empty. */
  readonly prefix?: string
  readonly crypto: Crypto
  /** The policy that lies beside the log, read and as it lies there. */
  readonly policy?: { readonly parsed: WitnessPolicy; readonly bytes: Uint8Array }
}

/** What the page says. */
export interface LogPageFacts {
  readonly checkpoint: Checkpoint | undefined
  /** What became of checking the signatures. */
  readonly check: 'valid' | 'wrong' | 'not_checked'
  /** Keys of the log. */
  readonly keys: readonly VerifierKey[]
  /** Seconds since 1970; what the log says. */
  readonly signedAt?: bigint
  /** Those of the policy that have cosigned, each with the kinds of its keys. */
  readonly witnesses: readonly string[]
  /** Whether the policy asks for any. */
  readonly asksWitnesses: boolean
  readonly isQuorum: boolean
  readonly hasPolicy: boolean
}

/** Serves `/` for people, and `/policy` where there is one. */
export function logPage(log: PublishedLog, options: LogPageOptions): Face {
  const { prefix = '', policy } = options
  let last: { readonly note: string | undefined; readonly page: string } | undefined
  return (server) => {
    server.get(`${prefix}/`, async (request, reply) => {
      const note = await log.head.read()
      // The same checkpoint again is not checked again.
      if (last?.note !== note || last === undefined) last = { note, page: formatLogPage(readFacts(note, options)) }
      reply.header('content-security-policy', POLICY)
      const bytes = new TextEncoder().encode(last.page)
      return sendContent(request, reply, { bytes, type: 'text/html; charset=utf-8', cacheControl: MUTABLE })
    })
    server.get(`${prefix}/policy`, async (request, reply) => {
      if (policy === undefined) return sendStatus(reply, 404)
      const { bytes } = policy
      return sendContent(request, reply, { bytes, type: 'text/plain; charset=utf-8', cacheControl: MUTABLE })
    })
  }
}

function readFacts(note: string | undefined, { crypto, policy }: LogPageOptions): LogPageFacts {
  const checkpoint = note === undefined ? undefined : readCheckpoint(note)
  const parsed = policy?.parsed
  const origin = checkpoint?.origin ?? parsed?.logs[0]?.key.name
  const keys = (parsed?.logs ?? []).map(({ key }) => key).filter(({ name }) => name === origin)
  const common = {
    checkpoint,
    keys,
    witnesses: [],
    asksWitnesses: parsed !== undefined && parsed.quorum !== NO_QUORUM,
    isQuorum: false,
    hasPolicy: policy !== undefined,
  }
  if (note === undefined || parsed === undefined) return { ...common, check: 'not_checked' }
  const verified = verifyCheckpoint(note, keysOfPolicy(parsed), crypto)
  const quorum = verified.state === 'valid' ? judgeQuorum(parsed, verified) : undefined
  if (verified.state !== 'valid' || quorum === undefined || quorum.logs.length === 0) {
    return { ...common, check: 'wrong' }
  }
  const signedAt = signingTime(verified, keys)
  return {
    ...common,
    check: 'valid',
    ...(signedAt !== undefined && { signedAt }),
    witnesses: nameWitnesses(quorum.witnesses.map(({ witness }) => witness.key)),
    isQuorum: quorum.state === 'witnessed',
  }
}

function readCheckpoint(note: string): Checkpoint | undefined {
  try {
    return parseCheckpoint(parseNote(note).text)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

const signingTime = ({ valid }: VerifiedCheckpoint, keys: readonly VerifierKey[]): bigint | undefined =>
  valid.find(({ key, timestamp }) => timestamp !== undefined && keys.includes(key))?.timestamp

/** A witness with a key of each kind is one witness. */
function nameWitnesses(keys: readonly VerifierKey[]): readonly string[] {
  const names = [...new Set(keys.map(({ name }) => name))]
  return names.map((name) => {
    const kinds = keys.filter((key) => key.name === name).map(({ type }) => KEY_KINDS[type])
    return `${name} (${kinds.join(', ')})`
  })
}

const KEY_KINDS: Readonly<Record<VerifierKey['type'], string>> = {
  ed25519: 'Ed25519',
  'cosignature-ed25519': 'Ed25519',
  'cosignature-ml-dsa-44': 'ML-DSA-44',
}

/** The page as HTML. Whatever comes from the log is text in it. */
export function formatLogPage(facts: LogPageFacts): string {
  const { checkpoint, keys } = facts
  const name = asHtml(checkpoint?.origin ?? keys[0]?.name ?? 'a custody log')
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${name}</title>
<style>${LOG_PAGE_STYLE}</style>
</head>
<body>
<main>
<p class="kind">Custody log</p>
<h1>${name}</h1>
<p>What happened to medical images, in an order that nobody can change without being seen. It holds digests and
signatures; no image and no patient.</p>
${stateOf(facts)}
${factsOf(facts)}
${keysOf(keys)}
${linksOf(facts)}
</main>
</body>
</html>
`
}

function stateOf({ checkpoint, check, asksWitnesses, isQuorum }: LogPageFacts): string {
  const [kind, text] =
    checkpoint === undefined && check !== 'wrong'
      ? ['open', 'Nothing is published yet.']
      : check === 'not_checked'
        ? ['open', 'Signatures were not checked: no policy lies beside this copy.']
        : check === 'wrong'
          ? ['bad', 'The newest checkpoint is not signed as the policy beside it asks. Do not rely on it.']
          : asksWitnesses && !isQuorum
            ? ['bad', 'Signed by the log, and not by as many witnesses as its policy asks for.']
            : ['good', asksWitnesses ? 'Signed by the log and its witnesses.' : 'Signed by the log.']
  return `<p class="state ${kind}">${text}</p>`
}

function factsOf({ checkpoint, signedAt, witnesses, asksWitnesses }: LogPageFacts): string {
  if (checkpoint === undefined) return ''
  const rows = [
    ['Entries', checkpoint.size.toLocaleString('en-GB')],
    ['Root', `<code>${encodeBase64(checkpoint.root)}</code>`],
    ...(signedAt === undefined ? [] : [['Signed', timeOf(signedAt)]]),
    ...(!asksWitnesses ? [] : [['Witnesses', witnesses.length === 0 ? 'none' : witnesses.map(asHtml).join('<br>')]]),
  ]
  return `<dl>\n${rows.map(([term, value]) => `<dt>${term}</dt><dd>${value}</dd>`).join('\n')}\n</dl>`
}

function keysOf(keys: readonly VerifierKey[]): string {
  if (keys.length === 0) return ''
  const items = keys.map((key) => {
    const text = `<code>${asHtml(formatVerifierKey(key))}</code>`
    return key.type === 'ed25519'
      ? `<li>Ed25519: ${text}</li>`
      : `<li><details><summary>ML-DSA-44, against quantum computers</summary>${text}</details></li>`
  })
  return `<h2>Keys</h2>
<p>Ask the site by another way whether these are its keys: whoever can change this page can change them.</p>
<ul>
${items.join('\n')}
</ul>`
}

function linksOf({ checkpoint, hasPolicy }: LogPageFacts): string {
  const size = checkpoint?.size ?? 0n
  const width = size === 0n ? 0 : Math.min(TILE_WIDTH, tileWidth(0, 0n, size))
  const links = [
    ...(checkpoint === undefined ? [] : [['checkpoint', 'newest checkpoint, a signed note']]),
    ...(hasPolicy ? [['policy', 'keys of the log, its witnesses, and how many it takes']] : []),
    ...(width === 0
      ? []
      : [
          [tilePath({ level: 0, index: 0n, width }), 'hashes of the first entries'],
          [entriesPath(0n, width), 'the first entries'],
        ]),
  ]
  const items = links.map(([path, text]) => `<li><a href="${path}">${path}</a> – ${text}</li>`).join('\n')
  return `${links.length === 0 ? '' : `<h2>To read</h2>\n<ul>\n${items}\n</ul>`}
<p>The layout is that of <a href="https://c2sp.org/tlog-tiles" rel="noreferrer">C2SP tlog-tiles</a>: any program that
knows it can check this log. Ours does it by <code>fiducial log monitor</code> and the address of this page.</p>`
}

const timeOf = (seconds: bigint): string => {
  const text = new Date(Number(seconds) * 1000).toISOString()
  return `<time datetime="${text}">${text.slice(0, 10)} ${text.slice(11, 19)} UTC</time>`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const asHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
