/** UID names: what the identifiers of a file are called. Source: PS3.6 tables A-1 (transfer syntaxes, SOP classes). */

const TRANSFER_SYNTAXES: Readonly<Record<string, string>> = {
  '': 'Implicit VR Little Endian',
  '.1': 'Explicit VR Little Endian',
  '.1.98': 'Encapsulated Uncompressed Explicit VR Little Endian',
  '.1.99': 'Deflated Explicit VR Little Endian',
  '.2': 'Explicit VR Big Endian',
  '.4.50': 'JPEG Baseline (lossy, 8 bit)',
  '.4.51': 'JPEG Extended (lossy, 12 bit)',
  '.4.57': 'JPEG Lossless',
  '.4.70': 'JPEG Lossless, First-Order Prediction',
  '.4.80': 'JPEG-LS Lossless',
  '.4.81': 'JPEG-LS Near-Lossless',
  '.4.90': 'JPEG 2000 Lossless',
  '.4.91': 'JPEG 2000',
  '.4.100': 'MPEG2 Main Profile',
  '.4.102': 'MPEG-4 AVC/H.264 High Profile',
  '.4.201': 'High-Throughput JPEG 2000 Lossless',
  '.4.202': 'High-Throughput JPEG 2000 with RPCL Lossless',
  '.4.203': 'High-Throughput JPEG 2000',
  '.5': 'RLE Lossless',
  '.8.1': 'Deflated Image Frame Compression',
}

/** By what follows 1.2.840.10008.5.1.4.1.1. */
const SOP_CLASSES: Readonly<Record<string, string>> = {
  '1': 'Computed Radiography Image',
  '1.1': 'Digital X-Ray Image, for presentation',
  '1.1.1': 'Digital X-Ray Image, for processing',
  '1.2': 'Digital Mammography Image, for presentation',
  '1.3': 'Digital Intra-Oral X-Ray Image, for presentation',
  '2': 'CT Image',
  '2.1': 'Enhanced CT Image',
  '3.1': 'Ultrasound Multi-frame Image',
  '4': 'MR Image',
  '4.1': 'Enhanced MR Image',
  '6.1': 'Ultrasound Image',
  '7': 'Secondary Capture Image',
  '7.1': 'Multi-frame Single Bit Secondary Capture Image',
  '7.2': 'Multi-frame Grayscale Byte Secondary Capture Image',
  '7.3': 'Multi-frame Grayscale Word Secondary Capture Image',
  '7.4': 'Multi-frame True Color Secondary Capture Image',
  '12.1': 'X-Ray Angiographic Image',
  '12.2': 'X-Ray Radiofluoroscopic Image',
  '13.1.3': 'Breast Tomosynthesis Image',
  '20': 'Nuclear Medicine Image',
  '30': 'Parametric Map',
  '66.4': 'Segmentation',
  '77.1.6': 'VL Whole Slide Microscopy Image',
  '88.11': 'Basic Text SR',
  '88.22': 'Enhanced SR',
  '88.33': 'Comprehensive SR',
  '104.1': 'Encapsulated PDF',
  '128': 'Positron Emission Tomography Image',
  '481.1': 'RT Image',
  '481.2': 'RT Dose',
  '481.3': 'RT Structure Set',
  '481.5': 'RT Plan',
}

const SYNTAX_ROOT = '1.2.840.10008.1.2'
const SOP_CLASS_ROOT = '1.2.840.10008.5.1.4.1.1.'

/** A name for people; undefined for what has none here. */
export function uidName(uid: string): string | undefined {
  if (uid.startsWith(SOP_CLASS_ROOT)) return SOP_CLASSES[uid.slice(SOP_CLASS_ROOT.length)]
  return uid === SYNTAX_ROOT || uid.startsWith(`${SYNTAX_ROOT}.`)
    ? TRANSFER_SYNTAXES[uid.slice(SYNTAX_ROOT.length)]
    : undefined
}
