/**
 * Mark peers: watermarks of others, run by bench/mark-peers.py, on the pictures that ours is measured on.
 *
 * Without Python or its packages there are no peers, and a measurement says so.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Picture } from '@fiducial/core/domain/attack/picture.ts'

export const PEER_SCHEMES = ['blind', 'dwtDctSvd', 'dwtDct'] as const
export type PeerScheme = (typeof PEER_SCHEMES)[number]

export interface MarkPeers {
  /** Undefined where the peer refuses the picture. */
  embed(scheme: PeerScheme, picture: Picture): Promise<Picture | undefined>
  /** Whether all 96 bits are right. */
  read(scheme: PeerScheme, picture: Picture): Promise<boolean>
  close(): void
}

/** @param python  the interpreter to run */
export function startMarkPeers(python: string): MarkPeers {
  const folder = mkdtempSync(join(tmpdir(), 'fiducial-peers-'))
  const child = spawn(python, [join(import.meta.dirname, 'mark-peers.py')], { stdio: ['pipe', 'pipe', 'ignore'] })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ask = async (...words: string[]): Promise<string> => {
    child.stdin.write(`${words.join(' ')}\n`)
    for (;;) {
      const { value, done } = await answers.next()
      if (done === true)
        throw new Error('the peers have ended: are numpy, opencv-python, PyWavelets and both peers there?')
      // One of the peers greets whoever loads it.
      if (/^(?:ok|[01]|failed: .*)$/.test(value)) return value
    }
  }
  const [source, target] = [join(folder, 'in.pgm'), join(folder, 'out.pgm')]
  return {
    async embed(scheme, picture) {
      writePgm(source, picture)
      return (await ask('embed', scheme, source, target)) === 'ok' ? readPgm(target) : undefined
    },
    async read(scheme, picture) {
      writePgm(source, picture)
      return (await ask('read', scheme, source)) === '1'
    },
    close() {
      child.stdin.end()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function writePgm(path: string, { width, height, samples }: Picture): void {
  writeFileSync(path, Buffer.concat([Buffer.from(`P5\n${width} ${height}\n255\n`), samples]))
}

function readPgm(path: string): Picture {
  const bytes = readFileSync(path)
  const [head = '', width, height] = /^P5\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.toString('latin1', 0, 64)) ?? []
  return { width: Number(width), height: Number(height), samples: new Uint8Array(bytes.subarray(head.length)) }
}
