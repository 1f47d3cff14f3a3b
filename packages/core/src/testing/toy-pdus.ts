/** Toy PDUs: PDUs, commands and messages made up from seeded numbers, for tests that try many. */
import { COMMAND_FIELDS, type Command, type CommandKind } from '../formats/dimse/command.ts'
import type { Pdu } from '../formats/dul/pdu.ts'
import type { UserInformation } from '../formats/dul/user-information.ts'

type Next = (below: number) => number

export const toyUid = (next: Next): string =>
  ['1', ...Array.from({ length: 1 + next(8) }, () => String(next(100_000)))].join('.').slice(0, 63)

export const toyBytes = (next: Next, most: number): Uint8Array =>
  Uint8Array.from({ length: next(most + 1) }, () => next(256))

export function toyTitle(next: Next): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. '
  const text = Array.from({ length: 1 + next(16) }, () => letters[next(letters.length)]).join('')
  return text.replaceAll(/^ +| +$/g, '')
}

function toyUser(next: Next): UserInformation {
  const some = <T>(make: () => T): T[] => Array.from({ length: next(3) }, make)
  const orNull = <T>(make: () => T): T | null => (next(2) === 0 ? null : make())
  return {
    maximumLength: orNull(() => next(2 ** 24)),
    implementationClassUid: orNull(() => toyUid(next)),
    implementationVersion: orNull(() => toyTitle(next)),
    operations: orNull(() => ({ invoked: next(100), performed: next(65_536) })),
    roles: some(() => ({ sopClassUid: toyUid(next), isScu: next(2) === 1, isScp: next(2) === 1 })),
    extended: some(() => ({ sopClassUid: toyUid(next), information: toyBytes(next, 20) })),
    commonExtended: some(() => ({
      version: 0,
      sopClassUid: toyUid(next),
      serviceClassUid: toyUid(next),
      relatedSopClassUids: some(() => toyUid(next)),
    })),
    identity: orNull(() => ({
      type: 1 + next(5),
      isResponseRequested: next(2) === 1,
      primary: toyBytes(next, 30),
      secondary: toyBytes(next, 30),
    })),
    identityResponse: orNull(() => toyBytes(next, 30)),
    others: some(() => ({ type: 0x60 + next(0x60), content: toyBytes(next, 30) })),
  }
}

/** Any PDU but P-DATA-TF. */
export function toyPdu(next: Next): Pdu {
  const common = {
    protocolVersion: 1,
    calledAet: toyTitle(next),
    callingAet: toyTitle(next),
    applicationContext: toyUid(next),
    user: toyUser(next),
  }
  const count = 1 + next(6)
  switch (next(6)) {
    case 0: {
      const contexts = Array.from({ length: count }, (_, i) => ({
        id: 2 * i + 1,
        abstractSyntax: toyUid(next),
        transferSyntaxes: Array.from({ length: 1 + next(3) }, () => toyUid(next)),
      }))
      return { type: 'associate_rq', ...common, contexts }
    }
    case 1: {
      const contexts = Array.from({ length: count }, (_, i) => {
        const result = next(5)
        return { id: 2 * i + 1, result, transferSyntax: result === 0 || next(2) === 0 ? toyUid(next) : null }
      })
      return { type: 'associate_ac', ...common, contexts }
    }
    case 2:
      return { type: 'associate_rj', result: 1 + next(2), source: 1 + next(3), reason: 1 + next(7) }
    case 3:
      return { type: 'release_rq' }
    case 4:
      return { type: 'release_rp' }
    default:
      return { type: 'abort', source: next(3), reason: next(7) }
  }
}

const KINDS = Object.keys(COMMAND_FIELDS) as CommandKind[]

/** Any command, with all that any kind needs. */
export function toyCommand(next: Next): Command {
  const number = (): number => next(65_536)
  const tags = (): number[] => Array.from({ length: next(4) }, () => next(2 ** 24) * 256 + next(256))
  return {
    kind: KINDS[next(KINDS.length)] as CommandKind,
    affectedSopClassUid: toyUid(next),
    requestedSopClassUid: toyUid(next),
    messageId: number(),
    messageIdBeingRespondedTo: number(),
    moveDestination: toyTitle(next),
    priority: next(3),
    status: number(),
    offendingElements: tags(),
    errorComment: toyTitle(next),
    affectedSopInstanceUid: toyUid(next),
    requestedSopInstanceUid: toyUid(next),
    eventTypeId: number(),
    attributeIdentifiers: tags(),
    actionTypeId: number(),
    hasDataSet: next(2) === 1,
    ...(next(3) === 0 && { remaining: number(), completed: number(), failed: number(), warnings: number() }),
    ...(next(3) === 0 && { moveOriginator: toyTitle(next), moveOriginatorMessageId: number(), errorId: number() }),
    ...(next(4) === 0 && { others: [{ tag: 0x5010, value: Uint8Array.of(1, 2, next(256), 4) }] }),
  } as Command
}
