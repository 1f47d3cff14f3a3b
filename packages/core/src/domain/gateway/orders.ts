/**
 * Orders: what a worklist and a modality's report of its work (MPPS) say about images that come later.
 *
 * Source: PS3.4 annex K (modality worklist), PS3.4 annex F and PS3.3 section C.4.13 to C.4.15 (performed procedure step).
 * The gateway passes both on unchanged and keeps only what binds an image to its order: numbers, UIDs, the station, who
 * operated it, and when. No attribute of the patient is read. Which of it a seal states is left to the seal.
 */
import { readCharacterSet, readCharacters } from '../../formats/dicom/character-set.ts'
import { type Element, findElement, type Tag } from '../../formats/dicom/element.ts'
import type { DataSet } from '../../formats/dicom/parse.ts'
import { readText } from '../../formats/dicom/values.ts'

/** What an order is called by; null where it is not said. */
export interface OrderKeys {
  readonly accessionNumber: string | null
  readonly requestedProcedureId: string | null
  readonly scheduledProcedureStepId: string | null
  readonly studyInstanceUid: string | null
}

/** One entry of a worklist, as a modality got it. */
export interface ScheduledStep extends OrderKeys {
  /** AE title of the station that is to do it. */
  readonly stationAet: string | null
  readonly modality: string | null
  /** `YYYYMMDD` or `YYYYMMDDHHMMSS`, local time of the site. */
  readonly scheduledAt: string | null
}

export const STEP_STATES = ['in_progress', 'completed', 'discontinued'] as const
export type StepState = (typeof STEP_STATES)[number]

/** What a modality says it does, or has done. */
export interface PerformedStep {
  /** SOP Instance UID of the report. */
  readonly sopInstanceUid: string
  readonly state: StepState | null
  /** The orders that it belongs to; several where one exposure serves more than one. */
  readonly orders: readonly OrderKeys[]
  readonly stationAet: string | null
  readonly stationName: string | null
  readonly modality: string | null
  /** Names of those who operated the device, as it says. */
  readonly operators: readonly string[]
  /** `YYYYMMDD` or `YYYYMMDDHHMMSS`, local time of the site. */
  readonly startedAt: string | null
  readonly endedAt: string | null
  readonly seriesInstanceUids: readonly string[]
}

export type ObservedOrder =
  | { readonly kind: 'scheduled'; readonly id: string; readonly seenAt: Date; readonly step: ScheduledStep }
  | { readonly kind: 'performed'; readonly id: string; readonly seenAt: Date; readonly step: PerformedStep }

/** An image that looks for its order; null where it does not say. */
export interface OrderQuestion {
  readonly studyInstanceUid: string | null
  readonly seriesInstanceUid: string | null
  readonly accessionNumber: string | null
  readonly callingAet: string | null
}

/** What the gateway knows of the order of an image: claims of the worklist and of the modality, not of the gateway. */
export interface OrderBinding extends OrderKeys {
  /** `performed`: the modality reported the work · `scheduled`: only the worklist names it. */
  readonly source: 'performed' | 'scheduled'
  /** By what the image was found to belong to it, the strongest. */
  readonly matchedBy: 'series' | 'study' | 'accession_number'
  readonly state: StepState | null
  /** SOP Instance UID of the report; null where only the worklist names the order. */
  readonly mppsSopInstanceUid: string | null
  readonly stationAet: string | null
  readonly stationName: string | null
  readonly modality: string | null
  readonly operators: readonly string[]
  readonly startedAt: string | null
  readonly endedAt: string | null
  /** When the gateway saw it. */
  readonly seenAt: Date
  /** In what the image and its order contradict each other. */
  readonly disagreements: readonly ('accession_number' | 'study_instance_uid')[]
}

const ACCESSION_NUMBER: Tag = 0x00080050
const MODALITY: Tag = 0x00080060
const OPERATORS_NAME: Tag = 0x00081070
const STUDY: Tag = 0x0020000d
const SERIES: Tag = 0x0020000e
const STATION_AET: Tag = 0x00400001
const START_DATE: Tag = 0x00400002
const START_TIME: Tag = 0x00400003
const STEP_ID: Tag = 0x00400009
const SCHEDULED_STEPS: Tag = 0x00400100
const PERFORMED_STATION_AET: Tag = 0x00400241
const PERFORMED_STATION_NAME: Tag = 0x00400242
const PERFORMED_START_DATE: Tag = 0x00400244
const PERFORMED_START_TIME: Tag = 0x00400245
const PERFORMED_END_DATE: Tag = 0x00400250
const PERFORMED_END_TIME: Tag = 0x00400251
const PERFORMED_STATE: Tag = 0x00400252
const SCHEDULED_STEP_ATTRIBUTES: Tag = 0x00400270
const PERFORMED_SERIES: Tag = 0x00400340
const PROCEDURE_ID: Tag = 0x00401001
const TEXT_LIMIT = 256
/** Of orders, operators and series of one report: a hostile one is cut. */
const LIST_LIMIT = 64

/** Reads an entry of a worklist. Undefined where it names nothing by which an image could be found to belong to it. */
export function readScheduledStep(dataSet: DataSet): ScheduledStep | undefined {
  const top = reader(dataSet, dataSet.elements)
  const [item = []] = itemsOf(dataSet.elements, SCHEDULED_STEPS)
  const inner = reader(dataSet, item)
  const step = {
    accessionNumber: top(ACCESSION_NUMBER),
    requestedProcedureId: top(PROCEDURE_ID),
    scheduledProcedureStepId: inner(STEP_ID),
    studyInstanceUid: top(STUDY),
    stationAet: inner(STATION_AET),
    modality: inner(MODALITY),
    scheduledAt: momentOf(inner(START_DATE), inner(START_TIME)),
  }
  return step.accessionNumber === null && step.studyInstanceUid === null ? undefined : step
}

/** Reads what a modality reports by N-CREATE or N-SET; what it does not say is null or empty. */
export function readPerformedStep(sopInstanceUid: string, dataSet: DataSet): PerformedStep {
  const top = reader(dataSet, dataSet.elements)
  const series = itemsOf(dataSet.elements, PERFORMED_SERIES).map((item) => reader(dataSet, item))
  const orders = itemsOf(dataSet.elements, SCHEDULED_STEP_ATTRIBUTES).map((item) => {
    const of = reader(dataSet, item)
    return {
      accessionNumber: of(ACCESSION_NUMBER),
      requestedProcedureId: of(PROCEDURE_ID),
      scheduledProcedureStepId: of(STEP_ID),
      studyInstanceUid: of(STUDY),
    }
  })
  const operators = series.flatMap((of) => of(OPERATORS_NAME)?.split('\\') ?? []).filter((name) => name !== '')
  return {
    sopInstanceUid,
    state: stateOf(top(PERFORMED_STATE)),
    orders,
    stationAet: top(PERFORMED_STATION_AET),
    stationName: top(PERFORMED_STATION_NAME),
    modality: top(MODALITY),
    operators: [...new Set(operators)].slice(0, LIST_LIMIT),
    startedAt: momentOf(top(PERFORMED_START_DATE), top(PERFORMED_START_TIME)),
    endedAt: momentOf(top(PERFORMED_END_DATE), top(PERFORMED_END_TIME)),
    seriesInstanceUids: [...new Set(series.flatMap((of) => of(SERIES) ?? []))],
  }
}

/** What is known of a step after an N-SET: what that one says takes the place of what was known. */
export function updatePerformedStep(known: PerformedStep, update: PerformedStep): PerformedStep {
  return {
    sopInstanceUid: known.sopInstanceUid,
    state: update.state ?? known.state,
    orders: update.orders.length > 0 ? update.orders : known.orders,
    stationAet: update.stationAet ?? known.stationAet,
    stationName: update.stationName ?? known.stationName,
    modality: update.modality ?? known.modality,
    operators: update.operators.length > 0 ? update.operators : known.operators,
    startedAt: update.startedAt ?? known.startedAt,
    endedAt: update.endedAt ?? known.endedAt,
    seriesInstanceUids: update.seriesInstanceUids.length > 0 ? update.seriesInstanceUids : known.seriesInstanceUids,
  }
}

/** Under which one scheduled step is kept, however often a worklist gives it out. */
export const scheduledStepId = ({ studyInstanceUid, accessionNumber, scheduledProcedureStepId }: OrderKeys): string =>
  JSON.stringify([studyInstanceUid, accessionNumber, scheduledProcedureStepId])

/** All by which an observed order may be looked up. */
export function keysOf(order: ObservedOrder): {
  readonly studies: readonly string[]
  readonly accessionNumbers: readonly string[]
} {
  const keys = order.kind === 'scheduled' ? [order.step] : order.step.orders
  return {
    studies: [...new Set(keys.flatMap(({ studyInstanceUid }) => studyInstanceUid ?? []))],
    accessionNumbers: [...new Set(keys.flatMap(({ accessionNumber }) => accessionNumber ?? []))],
  }
}

/**
 * Finds the order of an image among those that were observed. A report of the modality outweighs the worklist, a shared
 * series a shared study, that a shared accession number; then the same station, then the later one.
 */
export function bindOrder(question: OrderQuestion, observed: readonly ObservedOrder[]): OrderBinding | null {
  const candidates = observed.flatMap((order) => candidatesOf(question, order))
  const [best] = candidates.sort((a, b) => b.rank - a.rank || Number(b.binding.seenAt) - Number(a.binding.seenAt))
  if (best === undefined) return null
  const { binding } = best
  // Of several steps under one order that fit alike, none can be said to be the one.
  const equals = candidates.filter(({ rank }) => rank === best.rank)
  const isOneStep = new Set(equals.map((one) => one.binding.scheduledProcedureStepId)).size === 1
  return isOneStep ? binding : { ...binding, scheduledProcedureStepId: null }
}

interface Candidate {
  readonly rank: number
  readonly binding: OrderBinding
}

function candidatesOf(question: OrderQuestion, order: ObservedOrder): readonly Candidate[] {
  const { kind, step, seenAt } = order
  const keys = kind === 'scheduled' ? [step] : step.orders
  const isSeries = kind === 'performed' && isSame(question.seriesInstanceUid, step.seriesInstanceUids)
  return keys.flatMap((key) => {
    const matchedBy = isSeries ? 'series' : matchOf(question, key)
    if (matchedBy === undefined) return []
    const isStation = isSame(question.callingAet, step.stationAet === null ? [] : [step.stationAet])
    const rank = { series: 8, study: 4, accession_number: 2 }[matchedBy] * 4 + (kind === 'performed' ? 2 : 0)
    return [{ rank: rank + Number(isStation), binding: bindingOf(question, key, { kind, step, seenAt, matchedBy }) }]
  })
}

function bindingOf(
  question: OrderQuestion,
  { accessionNumber, requestedProcedureId, scheduledProcedureStepId, studyInstanceUid }: OrderKeys,
  of: {
    readonly kind: ObservedOrder['kind']
    readonly step: ScheduledStep | PerformedStep
    readonly seenAt: Date
    readonly matchedBy: OrderBinding['matchedBy']
  },
): OrderBinding {
  const { stationAet, modality } = of.step
  const performed = 'orders' in of.step ? of.step : undefined
  return {
    source: of.kind,
    matchedBy: of.matchedBy,
    accessionNumber,
    requestedProcedureId,
    scheduledProcedureStepId,
    studyInstanceUid,
    state: performed?.state ?? null,
    mppsSopInstanceUid: performed?.sopInstanceUid ?? null,
    stationAet,
    stationName: performed?.stationName ?? null,
    modality,
    operators: performed?.operators ?? [],
    startedAt: performed?.startedAt ?? null,
    endedAt: performed?.endedAt ?? null,
    seenAt: of.seenAt,
    disagreements: [
      ...(isContradicted(question.accessionNumber, accessionNumber) ? (['accession_number'] as const) : []),
      ...(isContradicted(question.studyInstanceUid, studyInstanceUid) ? (['study_instance_uid'] as const) : []),
    ],
  }
}

function matchOf(question: OrderQuestion, key: OrderKeys): 'study' | 'accession_number' | undefined {
  if (isSame(question.studyInstanceUid, [key.studyInstanceUid])) return 'study'
  return isSame(question.accessionNumber, [key.accessionNumber]) ? 'accession_number' : undefined
}

const isSame = (value: string | null, others: readonly (string | null)[]): boolean =>
  value !== null && others.includes(value)

const isContradicted = (value: string | null, other: string | null): boolean =>
  value !== null && other !== null && value !== other

function stateOf(value: string | null): StepState | null {
  const state = value?.toLowerCase().replace(' ', '_')
  return STEP_STATES.find((known) => known === state) ?? null
}

/** Fractions of a second are cut. */
function momentOf(date: string | null, time: string | null): string | null {
  if (date === null || !/^\d{8}$/.test(date)) return null
  const digits = /^\d{6}/.exec(time ?? '')?.[0]
  return digits === undefined ? date : date + digits
}

/** Text of an element of this level, null where there is none; longer ones than any standard allows count as none. */
function reader(dataSet: DataSet, elements: readonly Element[]): (tag: Tag) => string | null {
  const characterSet = readCharacterSet(dataSet.source, dataSet.elements)
  return (tag) => {
    const element = findElement(elements, tag)
    if (element === undefined) return null
    const isName = element.vr === 'PN' || element.vr === 'SH' || element.vr === 'LO'
    const text = isName
      ? readCharacters(dataSet.source, element, characterSet).trim()
      : readText(dataSet.source, element).trim()
    return text === '' || text.length > TEXT_LIMIT ? null : text
  }
}

function itemsOf(elements: readonly Element[], tag: Tag): readonly (readonly Element[])[] {
  return (findElement(elements, tag)?.items ?? []).slice(0, LIST_LIMIT).map((item) => item.elements)
}
