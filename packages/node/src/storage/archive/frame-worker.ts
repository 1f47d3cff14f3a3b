/** Frame worker: a thread that decodes and draws frames. Entry point, started by frame-thread.ts. */
import { parentPort } from 'node:worker_threads'
import { FormatError } from '@fiducial/core/errors.ts'
import { createCodecs } from '@fiducial/core/formats/codec/codec.ts'
import { loadWasm } from '../wasm.ts'
import type { FrameAnswer, FrameRequest } from './frame-messages.ts'
import { frameMaker } from './make-frame.ts'

const maker = frameMaker(createCodecs(loadWasm))

async function perform({ id, frame, order }: FrameRequest): Promise<FrameAnswer> {
  try {
    if (order !== null) return { id, png: await maker.draw(frame, order) }
    return { id, frame: await maker.decode(frame) }
  } catch (error) {
    // What is no error of ours is told as a damaged codestream: nothing else of the request came this far.
    const { code, message } =
      error instanceof FormatError ? error : new FormatError('codec_failed', 'the frame cannot be shown')
    return { id, failure: { code, message } }
  }
}

parentPort?.on('message', async (request: FrameRequest) => parentPort?.postMessage(await perform(request)))
