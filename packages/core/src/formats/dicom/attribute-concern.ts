/**
 * Concern: what an attribute speaks about, so that a report can say what a change means and not only where it is.
 *
 * Source: the modules of PS3.3 that hold the attributes, tags from PS3.6. A tag belongs to one concern at most.
 */
import { groupOf, type Tag } from './element.ts'

export type Concern =
  | 'patient'
  | 'date'
  | 'operator'
  | 'device'
  | 'identity'
  | 'geometry'
  | 'pixels'
  | 'display'
  | 'overlay'
  | 'other'

const TABLE: Readonly<Record<Exclude<Concern, 'patient' | 'overlay' | 'other'>, readonly Tag[]>> = {
  // Study, series, acquisition, content and instance creation; when the picture is said to have been made.
  date: [
    0x00080012, 0x00080013, 0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x0008002a, 0x00080030, 0x00080031,
    0x00080032, 0x00080033, 0x00080201, 0x00189074, 0x00189516, 0x00400244, 0x00400245,
  ],
  operator: [0x00081070, 0x00081072],
  device: [
    0x00080070, 0x00080080, 0x00080081, 0x00081010, 0x00081090, 0x00181000, 0x00181002, 0x00181004, 0x00181005,
    0x00181020, 0x0018700a, 0x0018a001,
  ],
  // SOP class and instance, study, series, acquisition, frame of reference, accession, order.
  identity: [
    0x00080016, 0x00080017, 0x00080018, 0x00080050, 0x0020000d, 0x0020000e, 0x00200010, 0x00200052, 0x00400275,
  ],
  geometry: [
    0x00180015, 0x00180050, 0x00180088, 0x00181110, 0x00181111, 0x00181114, 0x00181120, 0x00181130, 0x00181164,
    0x00185100, 0x00185101, 0x00186011, 0x00082218, 0x00200020, 0x00200032, 0x00200037, 0x00200060, 0x00200062,
    0x00201041, 0x00280030, 0x00280034, 0x00540220, 0x52009229, 0x52009230,
  ],
  pixels: [
    0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102,
    0x00280103, 0x7fe00008, 0x7fe00009, 0x7fe00010, 0x7fe00001, 0x7fe00002,
  ],
  // Modality and VOI LUT, window, palette, presentation LUT, shutters, ICC profile, softcopy presentation.
  display: [
    0x00280120, 0x00280121, 0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00281054, 0x00281055, 0x00281056,
    0x00281090, 0x00281101, 0x00281102, 0x00281103, 0x00281199, 0x00281201, 0x00281202, 0x00281203, 0x00281204,
    0x00281221, 0x00281222, 0x00281223, 0x00282000, 0x00282002, 0x00283000, 0x00283010, 0x00283110, 0x00181600,
    0x00181602, 0x00181604, 0x00181606, 0x00181608, 0x00181610, 0x00181612, 0x00181620, 0x00181622, 0x00181623,
    0x00181624, 0x00189436, 0x20500010, 0x20500020, 0x00700001, 0x0070005a, 0x00700060,
  ],
}

const concerns = new Map<Tag, Concern>(
  Object.entries(TABLE).flatMap(([concern, tags]) => tags.map((tag): [Tag, Concern] => [tag, concern as Concern])),
)

/** The concern of a public tag; `other` for private ones and all that change neither meaning nor display. */
export function concernOf(tag: Tag): Concern {
  const group = groupOf(tag)
  if (group === 0x0010) return 'patient'
  // Overlays and the retired curves, repeating groups 6000 to 601E and 5000 to 501E.
  if ((group & 0xff00) === 0x6000 || ((group & 0xff00) === 0x5000 && group % 2 === 0 && group < 0x5020))
    return 'overlay'
  return concerns.get(tag) ?? 'other'
}
