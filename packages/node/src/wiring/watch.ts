/** Watch: where the models of the watchdog lie on this machine, and what tells whether they belong to the code of today. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { digestOf } from '@fiducial/core/bytes/hash.ts'
import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import { forgeView } from '@fiducial/core/domain/forge/forge-view.ts'
import { findTechnique } from '@fiducial/core/domain/forge/techniques/all.ts'
import { fingerprintOf, MEASURE_NAMES, pictureByRule } from '@fiducial/core/domain/watch/measure-view.ts'
import { formatWatchModel, parseWatchModel } from '@fiducial/core/domain/watch/model/model-file.ts'
import type { WatchModel } from '@fiducial/core/domain/watch/model/watch-model.ts'
import { FormatError, StoreError } from '@fiducial/core/errors.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import type { DiagnosticModel } from '../services/watch/ports.ts'
import { writeFileAtomically } from '../storage/write-file.ts'
import { HttpDiagnosis } from '../watchers/http-diagnosis.ts'

/** Where the model of a site lies in the folder of all state. */
export const siteModelPath = (home: string): string => join(home, 'watch', 'model.json')

/** Undefined where the site has calibrated none. */
export const findSiteModel = (home: string): string | undefined =>
  existsSync(siteModelPath(home)) ? siteModelPath(home) : undefined

/**
 * The model that a file holds; without one that of the site; without that the shipped one.
 * @throws {FormatError} `watch_model_malformed`
 * @throws {StoreError} `input_missing`
 */
export async function openWatchModel(home: string, path?: string): Promise<WatchModel> {
  const named = readIfThere(path ?? siteModelPath(home))
  if (named !== undefined) return knownModel(parseWatchModel(named))
  if (path !== undefined) throw new StoreError('input_missing', 'the model is not there')
  return shippedModel()
}

/** A model whose features this program measures. @throws {FormatError} `watch_model_malformed` */
function knownModel(model: WatchModel): WatchModel {
  const known = new Set(MEASURE_NAMES)
  const isKnown = model.featureNames.every((name) => known.has(name)) && model.cues.every(({ name }) => known.has(name))
  if (isKnown) return model
  throw new FormatError('watch_model_malformed', 'the model was made from features that this version does not measure')
}

/** The model that comes with the program. */
export async function shippedModel(): Promise<WatchModel> {
  const { CHEST_MODEL } = await import('@fiducial/core/domain/watch/shipped/chest-model.ts')
  return parseWatchModel(new TextEncoder().encode(CHEST_MODEL))
}

/**
 * A diagnostic model at an address; its token is in the environment, as FIDUCIAL_DIAGNOSIS_TOKEN.
 * @throws {StoreError} `service_refused` for an address elsewhere without TLS
 */
export function openDiagnosticModel(address: string): DiagnosticModel {
  const url = URL.parse(address)
  const isHere = url !== null && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)
  if (url === null || (url.protocol !== 'https:' && !(url.protocol === 'http:' && isHere)))
    throw new StoreError('service_refused', 'images go to diagnostic models by https, or by http within this machine')
  const token = process.env.FIDUCIAL_DIAGNOSIS_TOKEN
  return new HttpDiagnosis({ name: url.host, url: url.href, ...(token !== undefined && { token }) })
}

export function keepWatchModel(home: string, model: WatchModel): string {
  const path = siteModelPath(home)
  mkdirSync(join(home, 'watch'), { recursive: true })
  writeFileAtomically(path, [formatWatchModel(model)], { isOverwriting: true })
  return path
}

/**
 * A digest of what the code of today measures and forges on a picture made by rule: other code, other digest.
 * Known flaw: a change that this one picture does not show goes unnoticed.
 */
export function watchCodeHash(techniques: readonly string[]): string {
  const view = pictureByRule()
  const forged = techniques.map((id) => {
    const technique = findTechnique(id)
    if (technique === undefined) throw new RangeError(`no technique ${id}`)
    const kind = technique.kinds[0] ?? 'chest'
    try {
      return digestOfSamples(forgeView(technique, { ...view, kind, spacingMm: null, donor: view }, 1).samples)
    } catch (error) {
      if (error instanceof RangeError) return 'refused'
      throw error
    }
  })
  const text = [fingerprintOf(nativeCrypto.hash), ...techniques.map((id, i) => `${id} ${forged[i]}`)].join('\n')
  return encodeHex(digestOf(nativeCrypto.hash, 'sha256', new TextEncoder().encode(text)))
}

function digestOfSamples({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return encodeHex(digestOf(nativeCrypto.hash, 'sha256', new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)))
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new StoreError('input_unreadable', 'the model cannot be read', { cause: error })
  }
}
