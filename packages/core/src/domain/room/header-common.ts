/**
 * Header common: the modules that every picture of the room carries.
 *
 * Source: PS3.3 sections C.7.1.1 (Patient), C.7.2 (Study), C.7.3.1 (Series), C.7.5.1 (Equipment), C.7.6.1 (General
 * Image), C.7.10.1 (General Acquisition), C.7.6.3 (Image Pixel) and C.12.1 (SOP Common).
 */
import type { Attributes } from './attributes.ts'
import type { Moment } from './moment.ts'
import { formatDate, formatDateTime, formatTime, later, parseMoment } from './moment.ts'
import type { ExposurePlan } from './plan.ts'
import { createRandom } from './random.ts'
import { drawUniqueId } from './unique-id.ts'

const INSTITUTION = 'DEMO Hospital'
/** A coding scheme of our own: PS3.3 section 8.2 keeps names that begin with 99 for it. */
const DEMO_SCHEME = '99DEMO'

export interface ImagePlace {
  /** 0 for the first image of the series. */
  readonly index: number
  /** When its acquisition began. */
  readonly moment: Moment
  /** Images of one acquisition share its number and UID. */
  readonly acquisition: number
}

/** When an image of a plan is taken: slices follow each other by `secondsApart`. */
export function placeImage(plan: ExposurePlan, index: number, secondsApart: number): ImagePlace {
  return { index, moment: later(parseMoment(plan.at), index * secondsApart), acquisition: 1 }
}

/** Patient, study, series, equipment, acquisition, image and object, for a storage class and a modality. */
export function commonAttributes(
  plan: ExposurePlan,
  { index, moment, acquisition }: ImagePlace,
  modality: string,
  sopClassUid: string,
): Attributes {
  const { patient, body, device, operator } = plan
  const start = parseMoment(plan.at)
  const ids = createRandom(`${plan.seed}/${plan.kind}/image ${index}`)
  const stored = later(moment, 1.5)
  return {
    SpecificCharacterSet: 'ISO_IR 192',
    SOPClassUID: sopClassUid,
    SOPInstanceUID: drawUniqueId(ids),
    SyntheticData: 'YES',
    InstanceCreationDate: formatDate(stored),
    InstanceCreationTime: formatTime(stored),
    TimezoneOffsetFromUTC: moment.offset,
    Modality: modality,

    PatientName: patient.name,
    PatientID: patient.id,
    PatientBirthDate: patient.birthDate,
    PatientSex: body.sex,
    PatientAge: `${String(body.age).padStart(3, '0')}Y`,
    PatientSize: body.heightMm / 1000,
    PatientWeight: body.weightKg,

    StudyInstanceUID: plan.studyUid,
    StudyDate: formatDate(start),
    StudyTime: formatTime(start),
    StudyID: plan.accessionNumber.slice(-6),
    AccessionNumber: plan.accessionNumber,
    ReferringPhysicianName: 'DEMO^REFERRER',

    SeriesInstanceUID: plan.seriesUid,
    SeriesNumber: 1,
    SeriesDate: formatDate(start),
    SeriesTime: formatTime(start),
    OperatorsName: operator.name,
    OperatorIdentificationSequence: [
      {
        PersonIdentificationCodeSequence: [
          { CodeValue: operator.id, CodingSchemeDesignator: DEMO_SCHEME, CodeMeaning: 'Technologist' },
        ],
        InstitutionName: INSTITUTION,
      },
    ],

    Manufacturer: device.manufacturer,
    ManufacturerModelName: device.model,
    InstitutionName: INSTITUTION,
    StationName: device.stationName,
    DeviceSerialNumber: device.serialNumber,
    DeviceUID: device.deviceUid,
    SoftwareVersions: device.softwareVersion,

    AcquisitionUID: drawUniqueId(createRandom(`${plan.seed}/${plan.kind}/acquisition ${acquisition}`)),
    AcquisitionNumber: acquisition,
    AcquisitionDate: formatDate(moment),
    AcquisitionTime: formatTime(moment),
    AcquisitionDateTime: formatDateTime(moment),
    ContentDate: formatDate(stored),
    ContentTime: formatTime(stored),
    InstanceNumber: index + 1,
    ImageComments: 'DEMO: simulated, no patient',
    BurnedInAnnotation: 'NO',
    LossyImageCompression: '00',
  }
}

export interface PixelShape {
  readonly columns: number
  readonly rows: number
  readonly bitsStored: number
  readonly isSigned: boolean
  readonly photometricInterpretation: 'MONOCHROME1' | 'MONOCHROME2'
}

/** The pixels and how to read them; 16 bits are allocated. */
export function pixelAttributes(shape: PixelShape, samples: Uint16Array | Int16Array): Attributes {
  return {
    SamplesPerPixel: 1,
    PhotometricInterpretation: shape.photometricInterpretation,
    Rows: shape.rows,
    Columns: shape.columns,
    BitsAllocated: 16,
    BitsStored: shape.bitsStored,
    HighBit: shape.bitsStored - 1,
    PixelRepresentation: shape.isSigned ? 1 : 0,
    PixelData: littleEndianBytes(samples),
  }
}

/** VR OW is handed over in little-endian order; so are numbers in memory everywhere this runs. */
const littleEndianBytes = (samples: Uint16Array | Int16Array): Uint8Array =>
  new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)
