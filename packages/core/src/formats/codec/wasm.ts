/**
 * Wasm: a decoder written in C++ and built by Emscripten, kept at arm's length.
 *
 * The compiled module is kept, the running instance is not trusted: whatever it throws ends it, since its memory may
 * be in any state, and the next frame gets a fresh one. Its memory never shrinks, so one that has grown ends too.
 * Instances are made synchronously from the compiled module, so that decoding after loading needs no promise.
 */
import { FormatError } from '../../errors.ts'
import { failed } from './shape.ts'

/**
 * The WASM files of the codecs; a runtime maps each to the file of the npm package of that name. Those that end in `-encode` encode,
 * too, and are larger.
 */
export type WasmName = 'charls' | 'charls-encode' | 'openjpeg' | 'openjpeg-encode' | 'openjph'

/** Port: the bytes of a WASM file. Node reads them from disk, a browser fetches them. */
export type LoadWasm = (name: WasmName) => Promise<Uint8Array>

/** An object of the C++ side; it holds memory there until it is deleted. */
export interface WasmObject {
  delete(): void
}

/** What Emscripten's factory fills in on the object handed to it. */
interface Runtime {
  readonly HEAPU8: Uint8Array
}

/** The function that an Emscripten file exports. */
export type EmscriptenFactory = (options: object) => Promise<unknown>

/** What a decoder printed while it ran: its only way to report some failures. */
export interface Printed {
  readonly lines: readonly string[]
}

/** The runtime's own WebAssembly, as much of it as is used here; it is in Node and browsers, not in the language's types. */
interface Wasm {
  compile(bytes: Uint8Array): Promise<object>
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}
const { WebAssembly: wasm } = globalThis as unknown as { readonly WebAssembly: Wasm }

/** Memory above which an instance is not kept for the next frame. */
const HEAP_LIMIT_BYTES = 256 * 2 ** 20

/** One decoder, ready to run. */
export class WasmHost<Api> {
  readonly #name: WasmName
  readonly #module: object
  readonly #factory: EmscriptenFactory
  #running: (Api & Runtime) | undefined
  #lines: string[] = []

  private constructor(name: WasmName, factory: EmscriptenFactory, module: object) {
    this.#name = name
    this.#factory = factory
    this.#module = module
  }

  /** Compiles the file once. */
  static async load<Api>(name: WasmName, factory: EmscriptenFactory, bytes: Uint8Array): Promise<WasmHost<Api>> {
    return new WasmHost<Api>(name, factory, await wasm.compile(bytes))
  }

  /**
   * Lets `work` use the decoder. Views of its memory must not leave `work`; objects it made need deleting only
   * where it succeeds.
   * @throws {FormatError} what `work` throws of this class, and `codec_failed` for whatever else it throws
   */
  use<T>(work: (api: Api, printed: Printed) => T): T {
    this.#lines = []
    let isSound = false
    try {
      this.#running ??= this.#start()
      const api = this.#running
      const result = work(api, { lines: this.#lines })
      isSound = api.HEAPU8.length <= HEAP_LIMIT_BYTES
      return result
    } catch (cause) {
      throw cause instanceof FormatError ? cause : failed(`${this.#name} refuses the codestream`, cause)
    } finally {
      if (!isSound) this.#running = undefined
    }
  }

  #start(): Api & Runtime {
    const keep = (line: string): void => {
      if (this.#lines.length < 100) this.#lines.push(line)
    }
    const runtime = {
      instantiateWasm: (imports: object, receive: (instance: object) => void): object => {
        const instance = new wasm.Instance(this.#module, imports)
        receive(instance)
        return instance.exports
      },
      print: keep,
      printErr: keep,
    }
    // An abort rejects this promise too, besides throwing where we wait for it.
    this.#factory(runtime).catch(() => undefined)
    return runtime as unknown as Api & Runtime
  }
}
