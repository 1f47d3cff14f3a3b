/** Chest: a whole phantom of one person, and the pictures' places in front of and behind it. */
import type { Body } from './body.ts'
import { growBones } from './chest-bones.ts'
import type { ChestFrame, Posture } from './chest-frame.ts'
import { frameChest } from './chest-frame.ts'
import { growOrgans } from './chest-organs.ts'
import { growVessels } from './chest-vessels.ts'
import type { Random } from './random.ts'
import type { Scene } from './shapes.ts'

export interface Chest {
  readonly frame: ChestFrame
  readonly scene: Scene
}

export function growChest(body: Body, posture: Posture, random: Random): Chest {
  const frame = frameChest(body, posture, random.fork('frame'))
  return {
    frame,
    scene: {
      layers: growOrgans(frame, random.fork('organs')),
      details: [...growVessels(frame, random.fork('vessels')), ...growBones(frame, random.fork('bones'))],
    },
  }
}
