/**
 * Header projection: what a chest as Digital X-Ray and a hand as Computed Radiography say about themselves.
 *
 * Source: PS3.3 sections A.26 (DX, for presentation) and A.2 (CR), with their modules in C.8.11 and C.8.1; detector and
 * dose in C.8.7 and C.8.11.
 */
import type { Attributes } from './attributes.ts'
import { doseAreaProduct } from './exposure.ts'
import { commonAttributes, pixelAttributes, placeImage } from './header-common.ts'
import type { ExposurePlan } from './plan.ts'
import type { Presented } from './presentation.ts'
import type { RadiographSetup } from './techniques.ts'

export const DX_FOR_PRESENTATION = '1.2.840.10008.5.1.4.1.1.1.1'
export const COMPUTED_RADIOGRAPHY = '1.2.840.10008.5.1.4.1.1.1'

/** SNOMED CT codes of PS3.16 CID 4009 and CID 4010. */
const CHEST = { CodeValue: '51185008', CodingSchemeDesignator: 'SCT', CodeMeaning: 'Chest' }
const POSTERO_ANTERIOR = { CodeValue: '399348003', CodingSchemeDesignator: 'SCT', CodeMeaning: 'postero-anterior' }
const HAND = { CodeValue: '85562004', CodingSchemeDesignator: 'SCT', CodeMeaning: 'Hand' }

export function chestAttributes(plan: ExposurePlan, setup: RadiographSetup, picture: Presented): Attributes {
  return {
    ...commonAttributes(plan, placeImage(plan, 0, 0), 'DX', DX_FOR_PRESENTATION),
    ...beamAttributes(setup),
    ...systemAttributes(setup),
    ...detectorAttributes(setup),
    ...pixelAttributes(shapeOf(setup), picture.samples),
    StudyDescription: 'DEMO chest',
    SeriesDescription: 'DEMO chest PA',
    ProtocolName: 'Chest PA, standing',
    ImageType: ['ORIGINAL', 'PRIMARY'],
    PresentationIntentType: 'FOR PRESENTATION',
    BodyPartExamined: 'CHEST',
    AnatomicRegionSequence: [CHEST],
    ImageLaterality: 'U',
    ViewPosition: 'PA',
    ViewCodeSequence: [{ ...POSTERO_ANTERIOR, ViewModifierCodeSequence: [] }],
    PatientOrientation: ['L', 'F'],
    PixelIntensityRelationship: 'LOG',
    PixelIntensityRelationshipSign: -1,
    RescaleIntercept: 0,
    RescaleSlope: 1,
    RescaleType: 'US',
    PresentationLUTShape: 'IDENTITY',
    AcquisitionContextSequence: [],
    ...windowAttributes(picture),
  }
}

export function handAttributes(plan: ExposurePlan, setup: RadiographSetup, picture: Presented): Attributes {
  return {
    ...commonAttributes(plan, placeImage(plan, 0, 0), 'CR', COMPUTED_RADIOGRAPHY),
    ...beamAttributes(setup),
    ...pixelAttributes(shapeOf(setup), picture.samples),
    StudyDescription: 'DEMO hand',
    SeriesDescription: `DEMO hand PA ${plan.laterality}`,
    ProtocolName: 'Hand PA',
    ImageType: ['ORIGINAL', 'PRIMARY'],
    BodyPartExamined: 'HAND',
    AnatomicRegionSequence: [HAND],
    Laterality: plan.laterality,
    ViewPosition: 'PA',
    // In the anatomical position fingers point to the feet and the palm forwards.
    PatientOrientation: ['L', 'H'],
    CassetteSize: '24CMX30CM',
    PlateID: 'DEMO-PLATE-07',
    PlateType: 'DEMO PHOSPHOR',
    AcquisitionDeviceProcessingDescription: 'DEMO hand, multiband',
    ImagerPixelSpacing: [setup.pixelMm, setup.pixelMm],
    PixelSpacing: [setup.pixelMm, setup.pixelMm],
    ...windowAttributes(picture),
  }
}

const shapeOf = ({ columns, rows, tone, photometricInterpretation }: RadiographSetup) => ({
  columns,
  rows,
  bitsStored: tone.bitsStored,
  isSigned: false,
  photometricInterpretation,
})

const windowAttributes = ({ window }: Presented): Attributes => ({
  WindowCenter: window.center,
  WindowWidth: window.width,
})

/** Tube and distances (C.8.7.10 and neighbours). */
function beamAttributes({ technique, currentMa, objectMm }: RadiographSetup): Attributes {
  return {
    KVP: technique.peakKv,
    ExposureTime: Math.max(1, (technique.currentTimeMas / currentMa) * 1000),
    XRayTubeCurrent: currentMa,
    Exposure: technique.currentTimeMas,
    ExposureInuAs: technique.currentTimeMas * 1000,
    DistanceSourceToDetector: technique.distanceMm,
    DistanceSourceToPatient: technique.distanceMm - objectMm,
    FocalSpots: technique.focusMm,
    FilterType: 'STRIP',
  }
}

/** Filters, grid, collimator and dose (C.8.7.10, C.8.7.11, C.8.7.3, C.8.7.8). */
function systemAttributes({ technique, field, pixelMm, objectMm }: RadiographSetup): Attributes {
  const { aluminiumMm, copperMm } = technique.filter
  const fieldMm2 = (field.right - field.left) * (field.bottom - field.top) * pixelMm * pixelMm
  return {
    EstimatedRadiographicMagnificationFactor: technique.distanceMm / (technique.distanceMm - objectMm),
    AnodeTargetMaterial: 'TUNGSTEN',
    FilterMaterial: ['ALUMINUM', 'COPPER'],
    FilterThicknessMinimum: [aluminiumMm, copperMm],
    FilterThicknessMaximum: [aluminiumMm, copperMm],
    Grid: ['FOCUSED', 'PARALLEL'],
    ImageAndFluoroscopyAreaDoseProduct: doseAreaProduct(technique, fieldMm2),
    // Edges are counted from 1 and lie outside the field.
    CollimatorShape: 'RECTANGULAR',
    CollimatorLeftVerticalEdge: field.left,
    CollimatorRightVerticalEdge: field.right + 1,
    CollimatorUpperHorizontalEdge: field.top,
    CollimatorLowerHorizontalEdge: field.bottom + 1,
  }
}

/** C.8.11.4: a flat panel of caesium iodide. */
function detectorAttributes({ pixelMm, columns, rows }: RadiographSetup): Attributes {
  return {
    DetectorType: 'SCINTILLATOR',
    DetectorConfiguration: 'AREA',
    DetectorDescription: 'DEMO caesium iodide on amorphous silicon',
    DetectorID: 'DEMO-PANEL-3543',
    DetectorConditionsNominalFlag: 'YES',
    DateOfLastDetectorCalibration: '20260101',
    PositionerType: 'COLUMN',
    ImagerPixelSpacing: [pixelMm, pixelMm],
    DetectorElementSpacing: [pixelMm, pixelMm],
    DetectorElementPhysicalSize: [pixelMm, pixelMm],
    DetectorActiveShape: 'RECTANGLE',
    DetectorActiveDimensions: [rows * pixelMm, columns * pixelMm],
    FieldOfViewShape: 'RECTANGLE',
    FieldOfViewDimensions: [Math.round(columns * pixelMm), Math.round(rows * pixelMm)],
    AcquisitionDeviceProcessingDescription: 'DEMO chest, multiband',
  }
}
