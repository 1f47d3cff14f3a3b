/**
 * Memory archive: an archive to sweep without files, and what examining one of its images would come to.
 */
import type { Finding } from '@fiducial/core/domain/audit/finding.ts'
import type {
  ArchiveSource,
  Examined,
  FailedFetch,
  FetchedInstance,
  ListedInstance,
  ListedPage,
} from '../services/audit/ports.ts'

/** An image of it. What is not given is made up from the key. */
export interface ToyImage {
  readonly version?: string | null
  readonly sop?: string
  readonly study?: string
  readonly frames?: string | null
  readonly dataset?: string
  readonly standing?: Examined['standing']
  readonly findings?: readonly Finding[]
  readonly signers?: readonly string[]
  readonly nextLookAt?: Date | null
  readonly firstEntry?: string | null
  readonly isPlain?: boolean
  /** Code with which it cannot be fetched. */
  readonly failure?: string
  readonly mayBeOther?: boolean
}

const PAGE = 10

/** SHA-256 is 64 digits: so is what stands for one. */
export const toyDigest = (text: string): string => Buffer.from(text).toString('hex').padEnd(64, '0').slice(0, 64)

export class MemoryArchive implements ArchiveSource {
  readonly name = 'toy'
  readonly kind = 'folder'
  readonly images = new Map<string, ToyImage>()
  /** Keys in the order in which they were fetched. */
  readonly fetched: string[] = []
  /** Files that lie ready, and were not given back. */
  open = 0
  /** Cursors with which it was listed. */
  readonly cursors: (string | undefined)[] = []

  isComplete(cursor: string | undefined): boolean {
    return cursor === undefined
  }

  async *list(cursor: string | undefined): AsyncGenerator<ListedPage> {
    this.cursors.push(cursor)
    const all = [...this.images].map(([key, image]) => toListed(key, image))
    for (let from = 0; from < all.length; from += PAGE)
      yield { instances: all.slice(from, from + PAGE), cursor: 'next' }
    if (all.length === 0) yield { instances: [], cursor: 'next' }
  }

  async *fetch(instances: readonly ListedInstance[]): AsyncGenerator<FetchedInstance | FailedFetch> {
    for (const { key } of instances) {
      const image = this.images.get(key)
      this.fetched.push(key)
      if (image?.failure !== undefined) yield { key, code: image.failure }
      else {
        this.open++
        yield {
          key,
          path: key,
          lengthBytes: 100,
          mayBeOther: image?.mayBeOther ?? false,
          [Symbol.asyncDispose]: async () => {
            this.open--
          },
        }
      }
    }
  }

  async close(): Promise<void> {}

  /** What examining an image comes to. */
  examine(key: string): Examined {
    const image = this.images.get(key) ?? {}
    const standing = image.standing ?? 'authentic'
    return {
      instance: {
        sopClassUid: '1.2',
        sopInstanceUid: image.sop ?? `1.${key}`,
        seriesInstanceUid: '1.4',
        studyInstanceUid: image.study ?? '1.5',
        transferSyntaxUid: '1.2.840.10008.1.2.1',
      },
      lengthBytes: 100,
      digests: {
        file: toyDigest(`file ${key} ${image.dataset ?? ''}`),
        dataset: toyDigest(image.dataset ?? `dataset ${key}`),
        frames: image.frames === null ? null : toyDigest(image.frames ?? `frames ${key}`),
      },
      frames: 1,
      isPlain: image.isPlain ?? false,
      standing,
      verdict: standing === 'recorded' ? 'undetermined' : standing,
      level: 'P0',
      content: 'unchanged',
      sentence: 'This image is a toy.',
      failing: [],
      findings: image.findings ?? [],
      isDerived: false,
      firstEntry: image.firstEntry ?? null,
      signers: image.signers ?? [],
      nextLookAt: image.nextLookAt ?? null,
    }
  }
}

function toListed(key: string, { version = 'v1' }: ToyImage): ListedInstance {
  return { key, version, sopInstanceUid: null, seriesInstanceUid: null, studyInstanceUid: null }
}
