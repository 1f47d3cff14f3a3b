/**
 * Log witness double: a witness in this process, which believes nothing: it cosigns what it has a proof for.
 */
import assert from 'node:assert/strict'
import { keysOfSigner, type LogSigner } from '@fiducial/core/domain/log/sign-checkpoint.ts'
import { verifyCheckpoint } from '@fiducial/core/domain/log/verify-checkpoint.ts'
import { verifyConsistency } from '@fiducial/core/formats/merkle/consistency.ts'
import { nativeCrypto } from '../keys/native-crypto.ts'
import type { CosignRequest, Witnessing } from '../services/log/integrator.ts'

/** What it adds to a note: a line of somebody whom nobody has a key of. */
const LINE = '— witness.example/double AAAAAAAA\n'

export class LogWitness implements Witnessing {
  readonly #log: LogSigner
  /** What it was shown and must never be shown. The log takes its errors for a witness that is out of order. */
  readonly violations: unknown[] = []
  #size = 0n
  #root = new Uint8Array(0)

  /** @param past  a witness whose memory it has */
  constructor(log: LogSigner, past?: LogWitness) {
    this.#log = log
    if (past === undefined) return
    this.#size = past.#size
    this.#root = past.#root
  }

  /** Size of the newest checkpoint that it has cosigned. */
  get size(): bigint {
    return this.#size
  }

  async cosign(request: Pick<CosignRequest, 'note' | 'prove'>): Promise<string> {
    try {
      return await this.#cosign(request)
    } catch (error) {
      if (error instanceof assert.AssertionError) this.violations.push(error)
      throw error
    }
  }

  async #cosign({ note, prove }: Pick<CosignRequest, 'note' | 'prove'>): Promise<string> {
    const result = verifyCheckpoint(note, keysOfSigner(this.#log), nativeCrypto)
    assert.ok(result.state === 'valid', `a witness is shown a checkpoint that is ${result.state}`)
    const { size: secondSize, root: secondRoot } = result.checkpoint
    assert.ok(secondSize >= this.#size, 'a witness is shown a log that never shrinks')
    const proof = await prove(this.#size, secondSize)
    const claim = { firstSize: this.#size, firstRoot: this.#root, secondSize, secondRoot, proof }
    const isGrown = this.#size === 0n || verifyConsistency(nativeCrypto.hash, claim)
    assert.ok(isGrown, `a witness of ${this.#size} entries is shown another log of ${secondSize}`)
    this.#size = secondSize
    this.#root = Uint8Array.from(secondRoot)
    return note + LINE
  }
}
