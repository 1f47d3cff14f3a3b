/** List: the techniques of the forge, what each does, and who may see it. */
import type { Layer, Parameter, Sight } from '@fiducial/core/domain/forge/technique.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { layOut } from '../table.ts'
import { GENERATOR } from './generator.ts'
import { allTechniques, type Described, pickTechnique } from './options.ts'

const LAYERS: readonly Layer[] = ['signature', 'mark', 'header', 'watchdog', 'reader']

export async function listTechniques(id: string | undefined, { output }: Context): Promise<ExitCode> {
  const techniques =
    id === undefined ? [...allTechniques(), GENERATOR] : [id === GENERATOR.id ? GENERATOR : pickTechnique(id)]
  for (const technique of techniques) output.record(describe(technique))
  const [only] = techniques
  const lines = id === undefined || only === undefined ? tableOf(techniques, output.style.bold) : pageOf(only)
  for (const line of lines) output.line(line)
  return EXIT.ok
}

const describe = (technique: Described): object => {
  const { id, title, reach, kinds, needsDonor = false, parameters, expected, leastSide } = technique
  const slices = 'leastSlices' in technique ? { leastSlices: technique.leastSlices } : {}
  return { id, title, reach, kinds, needsDonor, leastSide, ...slices, parameters, expected }
}

function tableOf(techniques: readonly Described[], bold: (text: string) => string): readonly string[] {
  const rows = techniques.map(({ id, reach, kinds, title, expected }) => [
    id,
    reach,
    kinds.length === 5 ? 'any' : kinds.join(' '),
    who(expected, 'sees'),
    who(expected, 'may'),
    title,
  ])
  const head = ['technique', 'reach', 'of', 'seen by', 'perhaps by', 'what is done']
  return layOut([head, ...rows], (text, _column, row) => (row === 0 ? bold(text) : text))
}

const who = (expected: Readonly<Record<Layer, Sight>>, sight: Sight): string => {
  const layers = LAYERS.filter((layer) => expected[layer] === sight)
  return layers.length === 0 ? '-' : layers.join(' ')
}

function pageOf(technique: Described): readonly string[] {
  const { id, title, reach, kinds, needsDonor, parameters, expected, leastSide } = technique
  return [
    `${id}: ${title}`,
    '',
    ...layOut([
      ['reach', REACHES[reach]],
      ['of', kinds.join(', ')],
      ['least', `${leastSide} samples a side${'leastSlices' in technique ? `, ${technique.leastSlices} slices` : ''}`],
      ...(needsDonor === true ? [['needs', "another patient's picture: --donor FILE"]] : []),
    ]),
    '',
    ...layOut([
      ['parameter', 'from', 'to', 'usual', 'meaning'],
      ...parameters.map(({ name, low, high, usual, meaning }: Parameter) => [
        name,
        String(low),
        String(high),
        usual === null ? 'drawn' : String(usual),
        meaning,
      ]),
    ]).slice(parameters.length === 0 ? 1 : 0),
    '',
    ...layOut(LAYERS.map((layer) => [layer, SIGHTS[expected[layer]]])),
  ]
}

const REACHES = {
  global: 'the picture as a whole',
  local: 'a part of the picture',
  volume: 'the slices of a volume',
} as const
const SIGHTS = { sees: 'sees it', may: 'may see it', blind: 'does not see it' } as const
