/** A modality and a RIS by pynetdicom, which report and take performed procedure steps: programs in interop/python. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, isListening } from './free-port.ts'
import { PeerServer } from './peer-server.ts'
import { peer, repositoryRoot, run } from './peers.ts'

/** Python that finds pynetdicom. */
export const pynetdicom = peer('python-pynetdicom')

const SCRIPT = join(repositoryRoot, 'packages/node/src/interop/python/procedure_steps.py')

export interface ReportedStep {
  readonly kind: 'n_create' | 'n_set'
  readonly uid: string
  /** In the DICOM JSON model. */
  readonly attributes: Readonly<Record<string, { readonly Value?: readonly unknown[] }>>
}

/** Takes steps as `RIS` until the test has ended. @param folder  for what it writes down */
export async function startRis(
  folder: string,
  owner: { after(cleanUp: () => Promise<void>): void },
): Promise<{ readonly port: number; readonly steps: () => readonly ReportedStep[] }> {
  const out = join(folder, 'steps.jsonl')
  const port = await freePort()
  const server = new PeerServer()
  owner.after(() => server.stop('SIGKILL'))
  await server.start(pynetdicom.path, [SCRIPT, 'ris', String(port), out], {}, () => isListening(port))
  const lines = (): readonly string[] => (existsSync(out) ? readFileSync(out, 'utf8').trimEnd().split('\n') : [])
  return { port, steps: () => lines().map((line) => JSON.parse(line) as ReportedStep) }
}

/** Begins and completes a step at a gateway, over one association that says who the user is. @returns both statuses */
export async function reportStep(
  port: number,
  step: { readonly study: string; readonly series: string; readonly uid: string },
): Promise<{ readonly created: number; readonly changed: number }> {
  const { code, stdout, stderr } = await run(pynetdicom.path, [
    SCRIPT,
    'modality',
    String(port),
    step.study,
    step.series,
    step.uid,
  ])
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as { created: number; changed: number }
}
