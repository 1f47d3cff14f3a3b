/** Make frame: decodes a frame, or draws it, in whichever thread it is called. */
import { type NativeFrame, type PictureOrder, renderFrame } from '@fiducial/core/domain/view/render-frame.ts'
import { FormatError } from '@fiducial/core/errors.ts'
import { type Codecs, isSupportedSyntax } from '@fiducial/core/formats/codec/codec.ts'
import type { FrameMaker, StoredFrame } from '../../services/archive/ports.ts'
import { encodePng } from '../png.ts'

export function frameMaker(codecs: Codecs): FrameMaker {
  const decode = async ({ transferSyntaxUid, bytes, shape }: StoredFrame): Promise<NativeFrame> => {
    if (transferSyntaxUid === null) return { bytes, shape }
    if (!isSupportedSyntax(transferSyntaxUid)) {
      throw new FormatError('codec_unsupported', 'no decoder for this transfer syntax')
    }
    const codec = await codecs.load(transferSyntaxUid)
    const decoded = codec.decode(bytes, shape)
    const { photometricInterpretation, planarConfiguration } = decoded
    return { bytes: decoded.bytes, shape: { ...shape, photometricInterpretation, planarConfiguration } }
  }
  const draw = async (frame: StoredFrame, order: PictureOrder): Promise<Uint8Array> =>
    encodePng(renderFrame(await decode(frame), order))
  return { decode, draw }
}
