/** Proof files: writes C2SP tlog-proofs of entries, one into a file or several into a folder. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { encodeUtf8 } from '@fiducial/core/bytes/text.ts'
import { formatProof } from '../../services/log/proof-file.ts'
import { PROOF_SUFFIX } from '../adapters.ts'
import type { Context } from '../context.ts'
import { counted } from '../table.ts'
import { visible } from '../visible.ts'
import type { Appended } from './append-report.ts'
import { withReader } from './session.ts'

/**
 * Writes the proofs of what was appended, under the checkpoint that is published by now.
 * @param place  a file, where there is one proof; else a folder, and so is what ends in a slash or is one already
 */
export async function writeProofs(place: string, appended: readonly Appended[], context: Context): Promise<void> {
  if (appended.length === 0) return
  const { adapters, output } = context
  const isFolder = appended.length > 1 || /[\\/]$/.test(place) || isExistingFolder(place)
  await withReader({}, context, async ({ view }) => {
    for (const { item, receipt } of appended) {
      const { index } = receipt
      const path = isFolder ? join(place, `entry-${index}${PROOF_SUFFIX}`) : place
      await adapters.writeFile(path, encodeUtf8(formatProof(await view.prove(index), view, item.isSealed)))
      output.record({ state: 'proven', index: String(index), proof: path })
    }
  })
  output.line(
    `${counted(appended.length, 'proof')} in ${visible(place)}; check ${appended.length === 1 ? 'it' : 'them'}: fiducial log verify ${visible(place)}`,
  )
}

const isExistingFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
