/** Chromium: a browser without a window, that opens a page and says what became of it. */
import { type Peer, peer, run, temporaryFolder } from './peers.ts'

/** To be spread into the options of tests that need it. */
export const chromium: Peer = peer('chromium')

export interface OpenedPage {
  /** The document after its scripts have run. */
  readonly html: string
  /** What the page and the browser said of it on the console: also violations of its policy. */
  readonly console: readonly string[]
}

export interface PageOptions {
  readonly theme: 'light' | 'dark'
  /** For scripts to run. Default: 3,000. */
  readonly waitMs?: number
  /** Take a picture instead, to this file. */
  readonly screenshotPath?: string
}

/** Opens a page in a browser of its own. */
export async function openPage(
  url: string,
  { theme, waitMs = 3_000, screenshotPath }: PageOptions,
  owner: { after(cleanUp: () => void): void },
): Promise<OpenedPage> {
  const { stdout, stderr } = await run(chromium.path, [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-extensions',
    '--no-first-run',
    `--user-data-dir=${temporaryFolder(owner)}`,
    // Of Blink: 0 is dark, 1 is light.
    `--blink-settings=preferredColorScheme=${theme === 'dark' ? 0 : 1}`,
    '--enable-logging=stderr',
    '--log-level=0',
    '--window-size=1280,1400',
    `--virtual-time-budget=${waitMs}`,
    screenshotPath === undefined ? '--dump-dom' : `--screenshot=${screenshotPath}`,
    url,
  ])
  const console = stderr.split('\n').filter((line) => line.includes(':CONSOLE'))
  return { html: stdout, console }
}
