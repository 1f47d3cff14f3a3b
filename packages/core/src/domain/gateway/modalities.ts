/**
 * Modalities: which modality makes objects of a SOP Class, where there is no doubt.
 *
 * Source: PS3.3 annex A, the Series modules named there; PS3.4 table B.5-1 for the UIDs. Classes that any modality may
 * write, such as Secondary Capture, Computed Radiography of scanned films and Raw Data, are not in it.
 */

const STORAGE = '1.2.840.10008.5.1.4.1.1'

const LIST: readonly (readonly [modalities: string, ...classes: readonly string[]])[] = [
  ['DX', '1.1', '1.1.1'],
  ['MG', '1.2', '1.2.1', '13.1.3', '13.1.4', '13.1.5'],
  ['IO', '1.3', '1.3.1'],
  ['CT', '2', '2.1', '2.2'],
  ['MR', '4', '4.1', '4.2', '4.3', '4.4'],
  ['US IVUS', '3', '3.1', '6', '6.1', '6.2'],
  ['NM', '5', '20'],
  ['PT', '128', '128.1', '130'],
  ['XA', '12.1', '12.1.1', '13.1.1', '13.1.2'],
  ['RF', '12.2', '12.2.1'],
  ['ES', '77.1.1', '77.1.1.1'],
  ['GM', '77.1.2', '77.1.2.1'],
  ['SM', '77.1.3', '77.1.6'],
  ['XC', '77.1.4', '77.1.4.1'],
  ['OP', '77.1.5.1', '77.1.5.2'],
  ['OPT', '77.1.5.4'],
  ['ECG', '9.1.1', '9.1.2', '9.1.3'],
  ['SR', '88.11', '88.22', '88.33', '88.34', '88.35', '88.40', '88.50', '88.65', '88.67', '88.68'],
  ['KO', '88.59'],
  ['PR', '11.1', '11.2', '11.3', '11.4'],
  ['REG', '66.1', '66.3'],
  ['SEG', '66.4'],
  ['RTIMAGE', '481.1'],
  ['RTDOSE', '481.2'],
  ['RTSTRUCT', '481.3'],
  ['RTRECORD', '481.4', '481.6', '481.7', '481.9'],
  ['RTPLAN', '481.5', '481.8'],
]

/** By SOP Class UID; a class that is not in it says nothing about its modality. */
export const MODALITIES: ReadonlyMap<string, readonly string[]> = new Map(
  LIST.flatMap(([modalities, ...classes]) =>
    classes.map((suffix) => [`${STORAGE}.${suffix}`, modalities.split(' ')] as const),
  ),
)
