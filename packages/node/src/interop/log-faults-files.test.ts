/** Calls of the ports, and calls of the file system under them, fail in turn, over storage in files. */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { openFileLog } from '../storage/log/file-log.ts'
import { fastFolder } from '../testing/fast-folder.ts'
import { FaultMatrix, fileSteps, formatMatrix, portSteps, type Storage } from '../testing/log-fault-matrix.ts'

/** A run in between looks at one call of each kind; all of them take a quarter of an hour. */
const isSoak = process.env.FIDUCIAL_SOAK !== undefined

describe('a custody log in files, each of whose steps fails in turn', () => {
  const root = fastFolder()
  let copy: string | undefined
  /** A log in a folder. Copies stand for cells: each takes the place of the one before. */
  const files = (folder: string): Storage => ({
    open: () => openFileLog(folder),
    copy() {
      if (copy !== undefined) rmSync(copy, { recursive: true, force: true })
      copy = mkdtempSync(join(root, 'cell-'))
      cpSync(folder, copy, { recursive: true })
      return files(copy)
    },
  })
  const matrices = [
    ['the process dies at a call of a port', portSteps, true],
    ['only one call of the file system fails', fileSteps, false],
    ...(isSoak ? ([['the process dies at a call of the file system', fileSteps, true]] as const) : []),
  ] as const

  for (const [what, instrument, isFinal] of matrices) {
    it(`keeps its word where ${what}, before or after it took effect`, async (t) => {
      const matrix = new FaultMatrix(instrument, files(mkdtempSync(join(root, 'past-'))))
      const calls = await matrix.all(isFinal, isSoak ? undefined : 1)
      for (const line of formatMatrix(matrix.cells).split('\n')) t.diagnostic(line)
      assert.deepEqual(new Set(matrix.cells.map(({ step }) => step)), new Set(calls.keys()), 'each kind of step failed')
    })
  }
})
