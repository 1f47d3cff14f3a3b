/**
 * Transactions: the resources of our DICOMweb faces, as data: the faces make their routes from it, and the conformance
 * statement and the capabilities their words.
 *
 * Source: PS3.18 tables 10.4.1-1, 10.5.1-1 and 10.6.1-2.
 */
import type { Permission } from '@fiducial/core/domain/access/roles.ts'
import type { Level } from '@fiducial/core/domain/query/query.ts'

export const STORE_PATHS = ['/studies', '/studies/:study'] as const

export const SEARCH_PATHS: readonly (readonly [path: string, level: Level])[] = [
  ['/studies', 'study'],
  ['/series', 'series'],
  ['/instances', 'instance'],
  ['/studies/:study/series', 'series'],
  ['/studies/:study/instances', 'instance'],
  ['/studies/:study/series/:series/instances', 'instance'],
]

const STUDY = '/studies/:study'
const SERIES = `${STUDY}/series/:series`
const INSTANCE = `${SERIES}/instances/:instance`

export type RetrievedResource = 'instances' | 'metadata' | 'bulkdata' | 'frames' | 'rendered' | 'thumbnail'

export const RETRIEVE_PATHS: readonly (readonly [path: string, resource: RetrievedResource])[] = [
  [STUDY, 'instances'],
  [SERIES, 'instances'],
  [INSTANCE, 'instances'],
  [`${STUDY}/metadata`, 'metadata'],
  [`${SERIES}/metadata`, 'metadata'],
  [`${INSTANCE}/metadata`, 'metadata'],
  [`${INSTANCE}/bulkdata/*`, 'bulkdata'],
  [`${INSTANCE}/frames/:frames`, 'frames'],
  [`${INSTANCE}/rendered`, 'rendered'],
  [`${INSTANCE}/frames/:frames/rendered`, 'rendered'],
  [`${STUDY}/thumbnail`, 'thumbnail'],
  [`${SERIES}/thumbnail`, 'thumbnail'],
  [`${INSTANCE}/thumbnail`, 'thumbnail'],
  [`${INSTANCE}/frames/:frames/thumbnail`, 'thumbnail'],
]

export interface WebTransaction {
  readonly service: 'STOW-RS' | 'QIDO-RS' | 'WADO-RS'
  readonly method: 'GET' | 'POST'
  /** Below the root of the service, as PS3.18 spells it: `/studies/{study}`. */
  readonly path: string
  readonly permission: Permission
  /** Media types of the request's body; none for GET. */
  readonly takes: readonly string[]
  /** Media types of answers. */
  readonly gives: readonly string[]
}

const MODEL = ['application/dicom+json', 'application/dicom+xml']
const MODELS = ['application/dicom+json', 'multipart/related; type="application/dicom+xml"']
const GIVEN: Readonly<Record<RetrievedResource, readonly string[]>> = {
  instances: ['multipart/related; type="application/dicom"', 'application/dicom (one instance)'],
  metadata: MODELS,
  bulkdata: ['application/octet-stream', 'multipart/related; type="application/octet-stream"'],
  frames: [
    'multipart/related; type="application/octet-stream"',
    'multipart/related with the type of the stored codestream',
  ],
  rendered: ['image/png'],
  thumbnail: ['image/png'],
}

/** Everything that our faces serve. */
export const TRANSACTIONS: readonly WebTransaction[] = [
  ...STORE_PATHS.map((path) => ({
    service: 'STOW-RS' as const,
    method: 'POST' as const,
    path: templateOf(path),
    permission: 'instances.store' as const,
    takes: ['multipart/related; type="application/dicom"'],
    gives: MODEL,
  })),
  ...SEARCH_PATHS.map(([path]) => reading('QIDO-RS', path, MODELS)),
  ...RETRIEVE_PATHS.map(([path, resource]) => reading('WADO-RS', path, GIVEN[resource])),
]

function reading(service: 'QIDO-RS' | 'WADO-RS', path: string, gives: readonly string[]): WebTransaction {
  return { service, method: 'GET', path: templateOf(path), permission: 'instances.retrieve', takes: [], gives }
}

function templateOf(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}').replace('*', '{path}')
}
