/** Frame messages: what is posted to the thread that decodes and draws, and back. */
import type { NativeFrame, PictureOrder } from '@fiducial/core/domain/view/render-frame.ts'
import type { FormatCode } from '@fiducial/core/errors.ts'
import type { StoredFrame } from '../../services/archive/ports.ts'

export interface FrameRequest {
  readonly id: number
  readonly frame: StoredFrame
  /** Null decodes and draws nothing. */
  readonly order: PictureOrder | null
}

export type FrameAnswer = { readonly id: number } & (
  | { readonly frame: NativeFrame }
  | { readonly png: Uint8Array }
  | { readonly failure: { readonly code: FormatCode; readonly message: string } }
)
