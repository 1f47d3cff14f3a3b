/**
 * Archive faces: QIDO-RS and WADO-RS in front of the PACS of a site, whatever it speaks itself.
 *
 * One that speaks DICOMweb is asked by it, and its answers pass through; one that speaks DIMSE is asked by C-FIND and C-GET.
 */
import type { GatewaySettings } from '@fiducial/core/domain/gateway/settings.ts'
import { openDimseView } from '../archives/dimse-view.ts'
import { FetchedFiles } from '../archives/fetched-files.ts'
import { WebPeer } from '../dicomweb/web-peer.ts'
import { proxyFace } from '../http/dicomweb/proxy-face.ts'
import { retrieveFace } from '../http/dicomweb/retrieve-face.ts'
import { searchFace } from '../http/dicomweb/search-face.ts'
import type { WebFaceOptions } from '../http/dicomweb/web-face.ts'
import type { Face } from '../http/server.ts'
import { FrameThread } from '../storage/archive/frame-thread.ts'
import { openFileSource } from '../storage/file-source.ts'
import { nodeOf, webPeerOptions } from './gateway-targets.ts'

export interface ArchiveFaces {
  /** @param guards  who may come in */
  readonly faces: (guards: WebFaceOptions) => readonly Face[]
  close(): Promise<void>
}

/**
 * @param folder  for what is fetched, until it is sent; emptied when the first comes
 * @throws {StoreError} {KeyError} where a certificate or secret cannot be read
 */
export function openArchiveFaces(settings: GatewaySettings, folder: string): ArchiveFaces {
  const { pacs } = settings.main
  if (pacs === null) return { faces: () => [], close: async () => undefined }
  if (pacs.protocol === 'dicomweb') {
    const peer = new WebPeer(webPeerOptions(pacs))
    return { faces: (guards) => [proxyFace({ ...guards, upstream: peer })], close: async () => peer.close() }
  }
  const files = new FetchedFiles(folder)
  const archive = openDimseView({ node: nodeOf(pacs, settings), files, openFile: openFileSource })
  const maker = new FrameThread()
  return {
    faces: (guards) => [searchFace({ ...guards, archive }), retrieveFace({ ...guards, archive, maker })],
    async close() {
      await maker.close()
      files.close()
    },
  }
}
