/** Options of the demonstration. */

export interface DemoOptions {
  /** Where images and pictures go. */
  readonly out: string
  readonly seed: number
  /** Whether the keys stay, so that more can be sealed with them. */
  readonly keep?: boolean
}
