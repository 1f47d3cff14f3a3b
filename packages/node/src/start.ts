/**
 * Start: hands the adapters of this machine to the command line and runs it.
 *
 * Everything here is loaded late: what a command does not need costs it no time.
 */
import { dirname } from 'node:path'
import { StoreError } from '@fiducial/core/errors.ts'
import type { Adapters } from './cli/adapters.ts'
import type { Context } from './cli/context.ts'
import { exitCodeOf } from './cli/exit.ts'
import { describeFailure, showFailure } from './cli/failure.ts'
import { findHome } from './cli/home.ts'
import { Output } from './cli/output.ts'
import { runProgram } from './cli/program.ts'
import type { Terminal } from './cli/terminal.ts'

export interface Start {
  readonly words: readonly string[]
  readonly version: string
}

const adaptersOf = (version: string): Adapters => ({
  log: {
    find: async (home) => (await import('./wiring/site-log.ts')).findSiteLog(home),
    create: async (home, secrets, order) => {
      const { createSiteLog } = await import('./wiring/site-log.ts')
      const { openKeyRing } = await import('./keys/key-ring.ts')
      return createSiteLog(home, await openKeyRing(home, secrets), order)
    },
    open: async (home, secrets, signal) =>
      (await import('./wiring/site-log.ts')).openSiteLog(home, { ...secrets, signal }),
    knownInstances: async (home, studyInstanceUid) => {
      const { knownInstancesOf, logFolder, openLogReader } = await import('./wiring/log-reader.ts')
      await using reader = await openLogReader(logFolder(home))
      return await knownInstancesOf(reader, studyInstanceUid)
    },
    read: async (home, folder, policy) => {
      const { logFolder, openLogReader, readPolicy } = await import('./wiring/log-reader.ts')
      return openLogReader(folder ?? logFolder(home), policy === undefined ? {} : { policy: readPolicy(policy) })
    },
    openCheck: async (folder) => (await import('./wiring/log-check.ts')).openLogCheck(folder),
    async *checkBundles(folder, numbers, options, signal) {
      yield* (await import('./workers/check-bundles.ts')).checkBundlesOf(numbers, { folder, ...options }, signal)
    },
    place: async (folder) => (await import('./wiring/log-status.ts')).findLogPlace(folder),
    openExport: async (folder, names) =>
      (await import('./storage/log/export-folder.ts')).ExportFolder.open(folder, names),
    exportAuthorities: async (home, secrets) =>
      (await import('./wiring/export-authorities.ts')).openExportAuthorities(home, secrets),
    readPolicy: async (bytes) => (await import('./wiring/log-reader.ts')).readPolicy(bytes),
    serve: async (...given) => (await import('./wiring/log-server.ts')).serveLog(...given),
    upkeep: async (home, secrets, onFailure) =>
      (await import('./wiring/upkeep.ts')).openUpkeep(home, { ...secrets, onFailure }),
    findWitness: async (folder) => (await import('./keys/witness-keys.ts')).readWitnessName(folder),
    createWitness: async (folder, name, { passphrase }) =>
      (await import('./wiring/witness.ts')).makeWitness(folder, name, passphrase),
    witnessKeys: async (folder, { passphrase }) =>
      (await import('./wiring/witness.ts')).readWitnessKeys(folder, passphrase),
    witness: async ({ secrets: { passphrase }, ...order }) =>
      (await import('./wiring/witness.ts')).startWitness({ ...order, passphrase }),
    addressOfFolder: async (path) => (await import('./wiring/monitor.ts')).addressOfFolder(path),
    monitor: async (order) => (await import('./wiring/monitor.ts')).openMonitor(order),
    describeImage: async (path) => (await import('./wiring/describe-file.ts')).describeFile(path),
  },
  audit: {
    openArchive: async (order) => (await import('./wiring/audit.ts')).auditServices.openArchive(order),
    openStore: async (...given) => (await import('./wiring/audit.ts')).auditServices.openStore(...given),
    async *examineAll(...given) {
      yield* (await import('./workers/examine-all.ts')).examineAll(...given)
    },
  },
  mark: {
    means: async (home) => (await import('./wiring/mark.ts')).openMarkMeans(home),
    device: async (...given) => (await import('./wiring/mark.ts')).openMarkDevice(...given),
    devices: async (...given) => (await import('./wiring/mark.ts')).openMarkDevices(...given),
    known: async (...given) => (await import('./wiring/known-marks.ts')).knownMarkDevices(...given),
    openPng: async (file) => (await import('./wiring/mark.ts')).openPngPixels(file),
    stage: async (path, pieces, isOverwriting) => {
      await makeFolder(dirname(path))
      const { stageFile } = await import('./storage/write-file.ts')
      return stageFile(path, pieces, { isOverwriting })
    },
  },
  forge: {
    version,
    addPngTexts: async (...given) => (await import('./storage/png-text.ts')).addPngTexts(...given),
    openGenerator: async (...given) => (await import('./wiring/forge.ts')).openGenerator(...given),
    writeTogether: async (files, isOverwriting) =>
      (await import('./wiring/forge.ts')).writeTogether(files, isOverwriting),
  },
  watch: {
    async *measure(...given) {
      yield* (await import('./workers/measure-images.ts')).measureImages(...given)
    },
    codeHash: async (techniques) => (await import('./wiring/watch.ts')).watchCodeHash(techniques),
    model: async (home, path) => (await import('./wiring/watch.ts')).openWatchModel(home, path),
    siteModel: async (home) => (await import('./wiring/watch.ts')).findSiteModel(home),
    diagnosticModel: async (url) => (await import('./wiring/watch.ts')).openDiagnosticModel(url),
    keepModel: async (home, model) => {
      await makeFolder(home)
      return (await import('./wiring/watch.ts')).keepWatchModel(home, model)
    },
  },
  crypto: async () => (await import('./keys/native-crypto.ts')).nativeCrypto,
  work: {
    async *verify(...given) {
      yield* (await import('./workers/image-work.ts')).imageWork.verify(...given)
    },
    async *seal(...given) {
      yield* (await import('./workers/image-work.ts')).imageWork.seal(...given)
    },
    sealSeries: async (...given) => (await import('./workers/image-work.ts')).imageWork.sealSeries(...given),
  },
  findInputs: async (words) => (await import('./storage/find-inputs.ts')).findInputs(words),
  openFile: async (path) => (await import('./storage/file-source.ts')).openFileSource(path),
  readFile,
  readConfig: async (path, code) => (await import('./storage/config-text.ts')).readConfigText(path, code),
  writeFile: async (path, bytes) => {
    await makeFolder(dirname(path))
    const { writeFileAtomically } = await import('./storage/write-file.ts')
    writeFileAtomically(path, [bytes], { isOverwriting: true })
  },
  writeText: async (path, pieces) => (await import('./storage/audit/write-text.ts')).writeText(path, pieces),
  writePicture: async (path, picture) => {
    await makeFolder(dirname(path))
    const { writePng } = await import('./storage/png.ts')
    writePng(path, picture, { isOverwriting: true })
  },
  initRing: async (home, { validFrom, ...options }) => {
    const { initKeyRing, openKeyRing } = await import('./keys/key-ring.ts')
    if (validFrom === undefined) return initKeyRing(home, options)
    await initKeyRing(home, { ...options, now: () => validFrom })
    return openKeyRing(home, options)
  },
  openRing: async (home, secrets) => (await import('./keys/key-ring.ts')).openKeyRing(home, secrets),
  tokens: async (home) => (await import('./wiring/tokens.ts')).openTokens(home),
  startGateway: async (order) => (await import('./start-gateway.ts')).startUp(order, version),
  examinePeer: async (order) => (await import('./wiring/doctor.ts')).examine(order),
  conformance: async () => (await import('./wiring/conformance.ts')).formatConformance(),
  backUpGateway: async (home, settings, folder) => {
    const { backUpGateway } = await import('./storage/gateway/backup.ts')
    return backUpGateway((await import('./wiring/gateway-storage.ts')).placesOf(home, settings), folder, new Date())
  },
  restoreGateway: async (home, settings, folder) => {
    const { restoreGateway } = await import('./storage/gateway/backup.ts')
    return restoreGateway(folder, (await import('./wiring/gateway-storage.ts')).placesOf(home, settings))
  },
  reachGateway: async (place) => {
    const { RemoteGateway } = await import('./services/gateway/remote-gateway.ts')
    const { url, token, certificate } = place
    const speak = certificate === undefined ? fetch : (await import('./http/pinned-fetch.ts')).pinnedFetch(certificate)
    return new RemoteGateway({ url, token, fetch: speak, deadline: AbortSignal.timeout })
  },
})

/** 128 + SIGPIPE, as shells count: not a verdict. */
const BROKEN_PIPE = 141

/** Runs one command line in this process and sets its exit code. */
export async function startProgram({ words, version }: Start): Promise<void> {
  const interruption = listenForInterruption()
  const terminal: Terminal = {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    interruption,
  }
  const adapters = adaptersOf(version)
  const context = (isJson: boolean): Context => ({
    terminal,
    output: new Output(terminal, isJson),
    adapters,
    home: findHome(process.env),
  })
  // Whoever reads our output may stop reading, as `head` does: that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(BROKEN_PIPE)
    throw error
  })
  try {
    process.exitCode = await runProgram(words, {
      version,
      openContext: context,
      write: (text) => process.stdout.write(text),
    })
  } catch (error) {
    const failure = describeFailure(error)
    showFailure(failure, new Output(terminal, words.includes('--json')), terminal)
    process.exitCode = exitCodeOf(failure.code)
  }
}

async function makeFolder(path: string): Promise<void> {
  const { makeFolder } = await import('./storage/write-pair.ts')
  makeFolder(path)
}

async function readFile(path: string): Promise<Uint8Array | undefined> {
  const { openFileSource } = await import('./storage/file-source.ts')
  try {
    using file = openFileSource(path)
    return file.view(0, file.length)
  } catch (error) {
    if (error instanceof StoreError && error.code === 'input_missing') return undefined
    if (error instanceof StoreError && error.code === 'input_empty') return new Uint8Array(0)
    throw error
  }
}

/** The first Ctrl-C asks commands to come to a clean end; the second one does not ask. */
function listenForInterruption(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(130)
      controller.abort()
    })
  }
  return controller.signal
}
