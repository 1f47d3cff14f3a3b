/**
 * Peer diagnosis: what an examined peer will do to images and to speed, before it goes live.
 *
 * The examination is made elsewhere (node/dimse); here stands what its numbers mean. Each finding has a code, a weight and
 * an advice. A `problem` loses or changes something, a `warning` costs time or surprises, a `note` is good to know.
 */
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '../../formats/dicom/transfer-syntax.ts'
import { type HopChange, privateTags } from './hop.ts'

export interface ExaminedContext {
  readonly abstractSyntax: string
  readonly transferSyntax: string
  readonly isTaken: boolean
}

/** An object of the examination's own that was stored, and looked at again. */
export interface StoreProbe {
  readonly studyInstanceUid: string
  readonly sopInstanceUid: string
  /** Status of C-STORE, 0 to 65535; null where there was no answer. */
  readonly status: number | null
  readonly timeMs: number
  /** Null where it could not be had back. */
  readonly change: HopChange | null
  /** Code of what kept it from being had back; null where it was, or was not tried. */
  readonly failure: string | null
}

export interface PeerExamination {
  readonly host: string
  readonly port: number
  readonly calledAet: string
  readonly callingAet: string
  /** Version of TLS; null for a plain connection. */
  readonly tls: string | null
  readonly associateMs: number
  readonly implementationClassUid: string | null
  readonly implementationVersion: string | null
  /** 0 for any; null where the peer does not say. */
  readonly maximumLength: number | null
  /** One after the other; `gapMs` from the first to the last piece of an answer. Empty where C-ECHO is not taken. */
  readonly echoes: readonly { readonly timeMs: number; readonly pieces: number; readonly gapMs: number }[]
  readonly contexts: readonly ExaminedContext[]
  /** Operations at once that the peer granted, null for none; and whether it then answered several. */
  readonly window: { readonly granted: number | null; readonly answersAll: boolean | null }
  /** Null where nothing was to be stored. */
  readonly store: StoreProbe | null
}

export type Weight = 'problem' | 'warning' | 'note'

export const PEER_FINDINGS = {
  echo_refused: {
    weight: 'warning',
    text: 'It does not take C-ECHO.',
    advice: 'Nobody can see whether it is there without sending it an image: let it take Verification.',
  },
  replies_delayed: {
    weight: 'warning',
    text: 'Its answers leave in two parts, and the second one waits for our acknowledgement of the first (Nagle).',
    advice:
      'It takes 19 to 22 instances a second on one association. Set TCP_NODELAY=1 in its environment (DCMTK, Orthanc), or give the destination more associations.',
  },
  replies_split: {
    weight: 'note',
    text: 'Its answers come in several parts, without delay so far.',
    advice: 'Over a network with delayed acknowledgements this costs 40 ms each: set TCP_NODELAY=1 in its environment.',
  },
  window_false: {
    weight: 'problem',
    text: 'It grants several operations at once, and does not answer them.',
    advice: 'Offer it no asynchronous operations window, in any program that sends to it. Ours offers none.',
  },
  window_granted: {
    weight: 'note',
    text: 'It takes several operations at once, and answers them.',
    advice: 'Programs that can use an asynchronous operations window may.',
  },
  pdu_small: {
    weight: 'note',
    text: 'It takes PDUs of at most 16 KiB.',
    advice: 'Large images go faster with 128 KiB: MaximumPDULength in Orthanc, --max-pdu in DCMTK.',
  },
  storage_refused: {
    weight: 'warning',
    text: 'It takes none of the usual images.',
    advice: 'Check that our title and address are among those from which it takes images.',
  },
  explicit_refused: {
    weight: 'warning',
    text: 'It takes images in implicit little endian only.',
    advice:
      'Images in other transfer syntaxes cannot reach it unchanged; signatures over private attributes do not survive.',
  },
  compression_refused: {
    weight: 'warning',
    text: 'It takes no compressed image.',
    advice: 'Compressed images are held back until a route transcodes them, or it takes them.',
  },
  commitment_refused: {
    weight: 'note',
    text: 'It does not take storage commitment.',
    advice: 'That it keeps what it was sent cannot be asked: commitment of the destination has to be off.',
  },
  retrieval_refused: {
    weight: 'note',
    text: 'It hands out nothing by C-GET.',
    advice: 'What it does to an image can be seen by C-MOVE, DICOMweb or its own export only.',
  },
  store_refused: {
    weight: 'problem',
    text: 'It does not store the test image.',
    advice: 'Look its status up in PS3.4 annex B.2.3, and look into its log.',
  },
  store_changed: {
    weight: 'warning',
    text: 'It answers that it changes what it stores (a warning status).',
    advice: 'Seals and signatures may not survive: turn coercion off for what comes from the gateway.',
  },
  not_retrieved: {
    weight: 'warning',
    text: 'The test image was stored and could not be had back.',
    advice: 'What the peer does to images stays unknown.',
  },
  pixels_changed: {
    weight: 'problem',
    text: 'It changes pixels.',
    advice: 'Turn lossy compression at ingest off.',
  },
  private_lost: {
    weight: 'problem',
    text: 'It drops or changes private attributes.',
    advice: 'Seals of files with private attributes will not hold: let it keep all attributes.',
  },
  attributes_changed: {
    weight: 'problem',
    text: 'It drops, adds or changes attributes.',
    advice: 'Turn coercion, anonymisation and tag morphing off for what comes from the gateway.',
  },
  syntax_changed: {
    weight: 'warning',
    text: 'It hands images out in another transfer syntax.',
    advice: 'Turn transcoding at ingest and at retrieval off where images are to stay verifiable byte for byte.',
  },
  data_set_rewritten: {
    weight: 'note',
    text: 'It writes data sets anew: the bytes differ, every attribute is the same.',
    advice: 'Seals hold. Digests of whole files do not: keep them for the hop in front of it.',
  },
  data_set_kept: {
    weight: 'note',
    text: 'It keeps every byte of a data set.',
    advice: 'Nothing to do.',
  },
} as const satisfies Readonly<Record<string, { weight: Weight; text: string; advice: string }>>

export type PeerFindingCode = keyof typeof PEER_FINDINGS

export interface PeerFinding {
  readonly code: PeerFindingCode
  readonly weight: Weight
  readonly text: string
  readonly advice: string
}

/** A system delays an acknowledgement by 40 ms or more, and an answer that needs none takes less. */
const DELAY_MS = 30
/** The first acknowledgements of a connection are not delayed. */
const QUICK_ANSWERS = 16
const SMALL_PDU_BYTES = 16_384
const STORAGE = '1.2.840.10008.5.1.4.1.1.'
const COMMITMENT = '1.2.840.10008.1.20.1'
const STUDY_GET = '1.2.840.10008.5.1.4.1.2.2.3'

/** What the examination shows, the gravest first. */
export function diagnosePeer(examination: PeerExamination): readonly PeerFinding[] {
  const codes = [
    ...diagnoseAnswers(examination),
    ...diagnoseWindow(examination),
    ...diagnoseContexts(examination),
    ...(examination.store === null ? [] : diagnoseStore(examination.store)),
  ]
  const order: readonly Weight[] = ['problem', 'warning', 'note']
  return codes
    .map((code) => ({ code, ...PEER_FINDINGS[code] }))
    .sort((a, b) => order.indexOf(a.weight) - order.indexOf(b.weight))
}

function diagnoseAnswers({ echoes, maximumLength }: PeerExamination): readonly PeerFindingCode[] {
  const isSmall = maximumLength !== null && maximumLength !== 0 && maximumLength <= SMALL_PDU_BYTES
  const small: readonly PeerFindingCode[] = isSmall ? ['pdu_small'] : []
  if (echoes.length === 0) return ['echo_refused', ...small]
  const late = echoes.slice(Math.min(QUICK_ANSWERS, echoes.length - 1))
  const isSplit = median(late.map(({ pieces }) => pieces)) > 1
  if (isSplit && median(late.map(({ gapMs }) => gapMs)) >= DELAY_MS) return ['replies_delayed', ...small]
  return isSplit ? ['replies_split', ...small] : small
}

function diagnoseWindow({ window: { granted, answersAll } }: PeerExamination): readonly PeerFindingCode[] {
  if (granted === null || granted === 1) return []
  return answersAll === true ? ['window_granted'] : ['window_false']
}

function diagnoseContexts({ contexts }: PeerExamination): readonly PeerFindingCode[] {
  const taken = contexts.filter(({ isTaken }) => isTaken)
  const has = (abstractSyntax: string): boolean => taken.some((context) => context.abstractSyntax === abstractSyntax)
  const images = taken.filter(({ abstractSyntax }) => abstractSyntax.startsWith(STORAGE))
  const syntaxes = new Set(images.map(({ transferSyntax }) => transferSyntax))
  const isImplicitOnly = images.length > 0 && syntaxes.size === 1 && syntaxes.has(IMPLICIT_LITTLE_ENDIAN)
  syntaxes.delete(IMPLICIT_LITTLE_ENDIAN)
  syntaxes.delete(EXPLICIT_LITTLE_ENDIAN)
  return [
    ...(images.length === 0 ? (['storage_refused'] as const) : []),
    ...(isImplicitOnly ? (['explicit_refused'] as const) : []),
    ...(images.length > 0 && syntaxes.size === 0 ? (['compression_refused'] as const) : []),
    ...(has(COMMITMENT) ? [] : (['commitment_refused'] as const)),
    ...(has(STUDY_GET) ? [] : (['retrieval_refused'] as const)),
  ]
}

function diagnoseStore({ status, change }: StoreProbe): readonly PeerFindingCode[] {
  if (status === null || (status !== 0 && status >>> 12 !== 0xb)) return ['store_refused']
  const warned: readonly PeerFindingCode[] = status === 0 ? [] : ['store_changed']
  return [...warned, ...(change === null ? (['not_retrieved'] as const) : diagnoseChange(change))]
}

function diagnoseChange(change: HopChange): readonly PeerFindingCode[] {
  const { isRawSame, isCanonicalSame, isSyntaxSame, pixels, removed, added, changed } = change
  if (isRawSame) return ['data_set_kept']
  const all = [...removed, ...added, ...changed]
  const ofPrivate = privateTags(all)
  return [
    ...(pixels === 'changed' ? (['pixels_changed'] as const) : []),
    ...(ofPrivate.length > 0 ? (['private_lost'] as const) : []),
    ...(all.length > ofPrivate.length ? (['attributes_changed'] as const) : []),
    ...(isSyntaxSame ? [] : (['syntax_changed'] as const)),
    ...(isCanonicalSame && isSyntaxSame ? (['data_set_rewritten'] as const) : []),
  ]
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
