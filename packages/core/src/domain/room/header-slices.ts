/**
 * Header slices: what a slice of Computed Tomography or Magnetic Resonance says about itself.
 *
 * Source: PS3.3 sections A.3 (CT) and A.4 (MR), with their modules in C.8.2.1 and C.8.3.1; position in C.7.6.2 (Image
 * Plane) and C.7.4.1 (Frame of Reference).
 */
import type { Attributes } from './attributes.ts'
import type { ImagePlace } from './header-common.ts'
import { commonAttributes, pixelAttributes, placeImage } from './header-common.ts'
import type { ExposurePlan } from './plan.ts'
import type { HeadSetup, TomographSetup } from './techniques.ts'

export const CT_IMAGE = '1.2.840.10008.5.1.4.1.1.2'
export const MR_IMAGE = '1.2.840.10008.5.1.4.1.1.4'

/** Rescale Intercept of both spellings. */
export const CT_INTERCEPT = -1024
/** What signed slices hold outside the circle of the scan. */
export const CT_PADDING = -2000
const CT_SECONDS_APART = 0.4
/** Proton frequency at 1.5 tesla, MHz. */
const PROTON_MHZ = 63.87

export interface Slice {
  readonly samples: Uint16Array | Int16Array
  readonly index: number
  readonly bitsStored: number
  readonly window: { readonly center: number; readonly width: number }
}

export function tomographAttributes(plan: ExposurePlan, setup: TomographSetup, slice: Slice): Attributes {
  const z = setup.heights[slice.index] as number
  return {
    ...commonAttributes(plan, placeImage(plan, slice.index, CT_SECONDS_APART), 'CT', CT_IMAGE),
    ...planeAttributes(plan, setup, z),
    ...pixelAttributes(shapeOf(setup.size, slice, setup.isSigned), slice.samples),
    ...(setup.isSigned ? { PixelPaddingValue: CT_PADDING } : {}),
    StudyDescription: 'DEMO CT chest',
    SeriesDescription: 'DEMO chest, soft kernel',
    ProtocolName: 'Chest without contrast',
    ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    BodyPartExamined: 'CHEST',
    RescaleIntercept: CT_INTERCEPT,
    RescaleSlope: 1,
    RescaleType: 'HU',
    WindowCenter: [40, -550],
    WindowWidth: [400, 1600],
    WindowCenterWidthExplanation: ['SOFT TISSUE', 'LUNG'],
    KVP: setup.peakKv,
    XRayTubeCurrent: setup.currentMa,
    ExposureTime: (setup.currentTimeMas / setup.currentMa) * 1000,
    Exposure: setup.currentTimeMas,
    ScanOptions: 'AXIAL MODE',
    DataCollectionDiameter: 500,
    ReconstructionDiameter: setup.fieldMm,
    DistanceSourceToDetector: 1085,
    DistanceSourceToPatient: 595,
    GantryDetectorTilt: 0,
    TableHeight: setup.tableY,
    RotationDirection: 'CW',
    FilterType: 'BODY',
    FocalSpots: 1.2,
    ConvolutionKernel: 'DEMO-SOFT',
    CTDIvol: setup.currentTimeMas * 0.067,
    CTDIPhantomTypeCodeSequence: [
      { CodeValue: '113691', CodingSchemeDesignator: 'DCM', CodeMeaning: 'IEC Body Dosimetry Phantom' },
    ],
  }
}

export function headAttributes(plan: ExposurePlan, setup: HeadSetup, slice: Slice): Attributes {
  const z = setup.heights[slice.index] as number
  // All slices are measured together: one acquisition, one time.
  const place: ImagePlace = { ...placeImage(plan, 0, 0), index: slice.index }
  return {
    ...commonAttributes(plan, place, 'MR', MR_IMAGE),
    ...planeAttributes(plan, { ...setup, centerX: 0, centerY: 0 }, z),
    ...pixelAttributes(shapeOf(setup.size, slice, false), slice.samples),
    StudyDescription: 'DEMO MR head',
    SeriesDescription: 'DEMO head T1 axial',
    ProtocolName: 'Head T1 spin echo',
    ImageType: ['ORIGINAL', 'PRIMARY', 'OTHER'],
    BodyPartExamined: 'HEAD',
    WindowCenter: slice.window.center,
    WindowWidth: slice.window.width,
    ScanningSequence: 'SE',
    SequenceVariant: 'NONE',
    ScanOptions: [],
    MRAcquisitionType: '2D',
    SequenceName: 'DEMO_SE2D',
    RepetitionTime: setup.repetitionMs,
    EchoTime: setup.echoMs,
    EchoTrainLength: 1,
    EchoNumbers: 1,
    NumberOfAverages: 1,
    ImagingFrequency: PROTON_MHZ,
    ImagedNucleus: '1H',
    MagneticFieldStrength: 1.5,
    SpacingBetweenSlices: setup.spacingMm,
    NumberOfPhaseEncodingSteps: setup.size,
    PercentSampling: 100,
    PercentPhaseFieldOfView: 100,
    PixelBandwidth: 130,
    ReceiveCoilName: 'DEMO_HEAD',
    TransmitCoilName: 'DEMO_BODY',
    AcquisitionMatrix: [0, setup.size, setup.size, 0],
    InPlanePhaseEncodingDirection: 'ROW',
    FlipAngle: setup.flipDegrees,
    SAR: 0.6,
  }
}

interface Plane {
  readonly size: number
  readonly pixelMm: number
  readonly thicknessMm: number
  readonly centerX: number
  readonly centerY: number
}

/** Axial, the patient on the back, head first. */
function planeAttributes(
  plan: ExposurePlan,
  { size, pixelMm, thicknessMm, centerX, centerY }: Plane,
  z: number,
): Attributes {
  const corner = -((size - 1) / 2) * pixelMm
  return {
    PatientPosition: 'HFS',
    PatientOrientation: ['L', 'P'],
    FrameOfReferenceUID: plan.frameOfReferenceUid,
    PositionReferenceIndicator: [],
    ImagePositionPatient: [centerX + corner, centerY + corner, z],
    ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
    PixelSpacing: [pixelMm, pixelMm],
    SliceThickness: thicknessMm,
    SliceLocation: z,
  }
}

const shapeOf = (size: number, { bitsStored }: Slice, isSigned: boolean) => ({
  columns: size,
  rows: size,
  bitsStored,
  isSigned,
  photometricInterpretation: 'MONOCHROME2' as const,
})
