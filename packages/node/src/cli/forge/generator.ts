/**
 * Generator: pictures made anew by a generator that somebody else runs, with everything that has to be said before one leaves the machine.
 *
 * What is sent is the picture as it is shown, in eight bits; nothing of a header. Names that are burnt into pixels go along.
 */
import type { Technique } from '@fiducial/core/domain/forge/technique.ts'
import type { MakeView } from '../../services/forge/forge-frames.ts'
import type { PictureGenerator } from '../../services/forge/ports.ts'
import { regenerateView } from '../../services/forge/regenerate.ts'
import type { MarkMeans } from '../../services/mark/ports.ts'
import type { Context } from '../context.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import type { GeneratorApi } from './adapters.ts'

export interface GeneratorOptions {
  readonly generator?: GeneratorApi
  readonly url?: string
  readonly prompt?: string
  /** 0 to 1. */
  readonly strength?: number
  readonly model?: string
  readonly tokenFile?: string
  readonly allowUpload?: boolean
}

/** Listed with the techniques, and made like one. */
export const GENERATOR: Omit<Technique, 'make'> = {
  id: 'generator',
  title: 'The picture is drawn anew by a generator elsewhere: --generator, --url, --prompt',
  reach: 'global',
  kinds: ['chest', 'limb', 'ct', 'mr', 'other'],
  parameters: [],
  expected: { signature: 'sees', mark: 'sees', header: 'blind', watchdog: 'may', reader: 'may' },
  leastSide: 32,
}

export interface OpenGenerator {
  readonly make: MakeView
  readonly truth: { readonly name: string; readonly prompt: string }
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/
const TOKEN_VARIABLE = 'FIDUCIAL_GENERATOR_TOKEN'

/** @throws {UsageError} where something is missing, or pictures would leave the machine unasked */
export async function openGenerator(
  options: GeneratorOptions,
  means: MarkMeans,
  context: Context,
): Promise<OpenGenerator> {
  const { generator: api, url, prompt, strength, model } = options
  if (api === undefined || url === undefined || prompt === undefined)
    throw new UsageError('generator needs --generator, --url and --prompt', '--generator is openai or sdapi')
  checkPlace(url, options, context)
  const token = await readToken(options, context)
  const order = { api, url, ...(model !== undefined && { model }), ...(token !== undefined && { token }) }
  const generator = await context.adapters.forge.openGenerator(order, means)
  const signal = context.terminal.interruption
  return {
    make: makeWith(generator, { prompt, signal, ...(strength !== undefined && { strength }) }),
    truth: { name: generator.name, prompt },
  }
}

/** @throws {UsageError} for options of a generator where none is asked */
export function refuseGeneratorOptions(id: string, options: GeneratorOptions): void {
  const { generator, url, prompt, strength, model, tokenFile, allowUpload } = options
  const given = [generator, url, prompt, strength, model, tokenFile, allowUpload].some((one) => one !== undefined)
  if (given) throw new UsageError(`${id} asks no generator`, 'such options are for: fiducial forge make generator')
}

const makeWith =
  (
    generator: PictureGenerator,
    wish: { readonly prompt: string; readonly strength?: number; readonly signal: AbortSignal },
  ): MakeView =>
  (host, seed) =>
    regenerateView(generator, host, { ...wish, seed })

function checkPlace(url: string, { allowUpload = false }: GeneratorOptions, { output }: Context): void {
  const place = URL.parse(url)
  if (place === null || !/^https?:$/.test(place.protocol)) throw new UsageError(`--url ${visible(url)} is no address`)
  if (LOOPBACK.test(place.hostname)) return
  if (!allowUpload)
    throw new UsageError(
      `pictures would leave this machine for ${visible(place.hostname)}`,
      '--allow-upload says that they may: burnt-in names go along, and a chest can be recognised by its ribs',
    )
  if (place.protocol === 'http:')
    throw new UsageError('pictures would cross the network in the open', 'give an address that begins with https:')
  output.note(`Pictures leave this machine for ${visible(place.hostname)}; its terms say what becomes of them.`)
}

async function readToken(
  { tokenFile }: GeneratorOptions,
  { adapters, terminal }: Context,
): Promise<string | undefined> {
  if (tokenFile === undefined) return terminal.env[TOKEN_VARIABLE] || undefined
  const bytes = await adapters.readFile(tokenFile)
  if (bytes === undefined) throw new UsageError(`there is no file ${visible(tokenFile)}`)
  return new TextDecoder().decode(bytes).trim()
}
