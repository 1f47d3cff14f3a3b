/** Body part: what a picture shows, as far as cues and strata need to know. */

/** `chest` and `limb` are projection radiographs; CT and MR are told by modality, whatever they show. */
export type WatchKind = 'chest' | 'limb' | 'ct' | 'mr' | 'other'
