/** Check evidence: whether a document of somebody else shows that a log has signed two histories. */

import { encodeHex } from '@fiducial/core/bytes/hex.ts'
import {
  findEquivocators,
  judgeSplitView,
  parseSplitView,
  type SplitViewFinding,
} from '@fiducial/core/domain/log/split-view.ts'
import { textOfOctets } from '@fiducial/core/formats/tlog/policy.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { UsageError } from '../usage-error.ts'
import { visible } from '../visible.ts'
import type { Watch } from './watch.ts'

/** 0 says that the document proves what it says. */
const CODES: Readonly<Record<SplitViewFinding, ExitCode>> = {
  proven: EXIT.ok,
  unproven: EXIT.undetermined,
  consistent: EXIT.notAuthentic,
  unsigned: EXIT.notAuthentic,
}

const SENTENCES: Readonly<Record<SplitViewFinding, string>> = {
  proven: 'PROVEN: this log has signed two histories that cannot both be true',
  unproven: 'not proven: the log has signed both checkpoints, and nothing here shows whether they fit',
  consistent: 'no evidence: the larger tree begins with the smaller one',
  unsigned: 'no evidence: the log has not signed both checkpoints',
}

export async function checkEvidence(
  path: string,
  { policy, origin }: Pick<Watch, 'policy' | 'origin'>,
  { adapters, output }: Context,
): Promise<ExitCode> {
  const bytes = await adapters.readFile(path)
  if (bytes === undefined) throw new UsageError(`there is no file ${visible(path)}`)
  const view = parseSplitView(bytes)
  const crypto = await adapters.crypto()
  const keys = policy.logs.map(({ key }) => key).filter(({ name }) => name === origin)
  const finding = view.origin === origin ? judgeSplitView(view, keys, crypto) : 'unsigned'
  const witnessKeys = policy.witnesses.map(({ key }) => key)
  // Whoever has cosigned both has vouched for two histories, too.
  const liars = finding === 'proven' ? findEquivocators(view, witnessKeys, crypto) : []
  const names = policy.witnesses.filter(({ key }) => liars.includes(key)).map(({ name }) => textOfOctets(name))
  const sizes = [view.smaller, view.larger].map(({ note }) => note.split('\n', 2)[1] ?? '')
  output.record({
    path,
    finding,
    origin: view.origin,
    foundAt: view.foundAt.toISOString(),
    sizes,
    sources: [view.smaller.source, view.larger.source],
    witnesses: names,
    ...(view.prefixRoot && { prefixRoot: encodeHex(view.prefixRoot) }),
  })
  const { style } = output
  output.line(finding === 'proven' ? style.red(SENTENCES[finding]) : SENTENCES[finding])
  output.line(`  log      ${visible(view.origin)}`)
  output.line(`  sizes    ${sizes.map(visible).join(' and ')}`)
  output.line(`  shown by ${[view.smaller, view.larger].map(({ source }) => visible(source)).join(' and ')}`)
  for (const name of names) output.line(style.red(`  the witness ${visible(name)} has vouched for both`))
  return CODES[finding]
}
