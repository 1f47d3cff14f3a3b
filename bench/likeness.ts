/**
 * Likeness: how near two pictures are, by PSNR and SSIM.
 *
 * Source: Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli, "Image quality assessment", IEEE TIP 13 (2004); mean SSIM over windows of 8 × 8
 * samples, 4 apart, with K1 = 0.01, K2 = 0.03. Neither says anything of diagnosis.
 */
import type { Picture } from '@fiducial/core/domain/attack/picture.ts'

/** In dB; Infinity for the same samples. @param peak  the largest value */
export function psnr(first: ArrayLike<number>, second: ArrayLike<number>, peak: number): number {
  let sum = 0
  for (let i = 0; i < first.length; i++) sum += ((first[i] as number) - (second[i] as number)) ** 2
  return 10 * Math.log10(peak ** 2 / (sum / first.length))
}

/** −1 to 1; 1 for the same samples. */
export function ssim(first: Picture, second: Picture): number {
  const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2]
  let [sum, windows] = [0, 0]
  for (let top = 0; top + 8 <= first.height; top += 4) {
    for (let left = 0; left + 8 <= first.width; left += 4) {
      let [a, b, aa, bb, ab] = [0, 0, 0, 0, 0]
      for (let k = 0; k < 64; k++) {
        const at = (top + (k >> 3)) * first.width + left + (k & 7)
        const [x, y] = [first.samples[at] as number, second.samples[at] as number]
        a += x
        b += y
        aa += x * x
        bb += y * y
        ab += x * y
      }
      const [ma, mb] = [a / 64, b / 64]
      const [va, vb, cov] = [aa / 64 - ma * ma, bb / 64 - mb * mb, ab / 64 - ma * mb]
      sum += ((2 * ma * mb + c1) * (2 * cov + c2)) / ((ma * ma + mb * mb + c1) * (va + vb + c2))
      windows++
    }
  }
  return sum / windows
}
