/** Volume: looks at the slices of series together; one report a series. */
import { inSliceOrder, slicePlaceOf } from '@fiducial/core/domain/mark/volume.ts'
import type { GreyView } from '@fiducial/core/domain/pixels/grey-view.ts'
import { formatP } from '@fiducial/core/domain/watch/examine.ts'
import { examineVolume } from '@fiducial/core/domain/watch/volume/examine-volume.ts'
import type { VolumeOutcome } from '@fiducial/core/domain/watch/volume/outcome.ts'
import { numberAt, textAt } from '@fiducial/core/formats/dicom/values.ts'
import { readSubject } from '../../services/watch/subject.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode, worstOf } from '../exit.ts'
import { openImage } from '../mark/open-image.ts'
import { runOverImages } from '../mark/run.ts'
import { counted } from '../table.ts'
import { visible } from '../visible.ts'

interface Slice {
  readonly path: string
  readonly label: string
  readonly series: string | null
  readonly position: number | null
  readonly spacingMm: number | null
}

/** p-values below this are worth a second look. */
const ALPHA = 0.01

export async function examineVolumes(words: readonly string[], _: object, context: Context): Promise<ExitCode> {
  const { adapters, home, output } = context
  const means = await adapters.mark.means(home)
  const slices: Slice[] = []
  const order = { words, verb: 'looking for slices', failed: 'not looked at' }
  const { exit } = await runOverImages(order, means, context, async ({ dicom }, { path, label }) => {
    if (dicom === undefined) return EXIT.ok
    const { dataSet } = dicom
    const isGreySlice = textAt(dataSet, 0x00080060) === 'CT' || textAt(dataSet, 0x00080060) === 'MR'
    if (isGreySlice)
      slices.push({ path, label, ...slicePlaceOf(dataSet), spacingMm: numberAt(dataSet, 0x00280030) ?? null })
    return EXIT.ok
  })
  const exits = [exit]
  for (const [series, own] of Map.groupBy(slices, ({ series }) => series ?? '')) {
    const ordered = inSliceOrder(own)
    const views = await openViews(ordered, context)
    const outcome = examineVolume(views, { spacingMm: own[0]?.spacingMm ?? null, sliceSpacingMm: spacingOf(ordered) })
    report({ series, ordered, outcome }, context)
    exits.push(outcome.pValue !== null && outcome.pValue > ALPHA ? EXIT.ok : EXIT.undetermined)
  }
  if (slices.length === 0) output.line('no slices of CT or MR')
  return worstOf(exits)
}

/** All slices of a series in memory, as their decoders are asynchronous: four bytes a sample. */
async function openViews(slices: readonly Slice[], { adapters, home }: Context): Promise<readonly GreyView[]> {
  const means = await adapters.mark.means(home)
  const views: GreyView[] = []
  for (const { path } of slices) {
    using image = await openImage(path, { raw: undefined, adapters, means })
    const { view } = readSubject(image.pixels, image.dicom)
    if (view !== 'colour') views.push(view)
  }
  return views
}

/** Millimetres between the first two slices; null where nobody says. */
function spacingOf([first, second]: readonly Slice[]): number | null {
  if (first?.position == null || second?.position == null) return null
  return second.position - first.position || null
}

interface Examined {
  readonly series: string
  readonly ordered: readonly Slice[]
  readonly outcome: VolumeOutcome
}

function report({ series, ordered, outcome }: Examined, { output }: Context): void {
  const marked = outcome.slices.filter(({ why }) => why !== null)
  output.record({ series, ...outcome, paths: ordered.map(({ label }) => label) })
  const { green, yellow } = output.style
  const { pValue } = outcome
  const head = pValue === null ? yellow('? abstains') : pValue <= ALPHA ? yellow('! unusual') : green('· usual')
  const figure = pValue === null ? '' : ` (p = ${formatP(pValue)})`
  output.line(`${head}  ${counted(ordered.length, 'slice')}: ${outcome.sentence}${figure}`)
  for (const { slice, why } of marked.slice(0, 5))
    output.line(`  ${visible(ordered[slice]?.label ?? String(slice))}: ${why}`)
}
