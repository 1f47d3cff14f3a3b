/**
 * Namespace: the names by which seals and statements are told from everything else.
 *
 * The URIs are names and need not lead anywhere; a new meaning gets a new version, never an old name.
 * The formats are described in docs/reference/seal-file.md.
 */

/** in-toto Statement v1 (in-toto/attestation, spec/v1/statement.md). */
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1'
/** DSSE payload type of in-toto statements. */
export const PAYLOAD_TYPE = 'application/vnd.in-toto+json'
/** What device and technologist say about one image. */
export const ACQUISITION_PREDICATE = 'https://fiducial.dev/acquisition/v1'
/** What a technologist says about all images of a series at once. */
export const SERIES_PREDICATE = 'https://fiducial.dev/series/v1'
/** What a gateway says about an image that came to it. */
export const GATEWAY_PREDICATE = 'https://fiducial.dev/gateway-seal/v1'
export const SEAL_MEDIA_TYPE = 'application/vnd.fiducial.seal.v1+json'
export const GATEWAY_MEDIA_TYPE = 'application/vnd.fiducial.gateway-seal.v1+json'
export const SERIES_MEDIA_TYPE = 'application/vnd.fiducial.series.v1+json'

/** Name of the seal beside an image file. */
export const sealName = (imageName: string): string => `${imageName}.fiducial.json`
/** Name of the seal of a series, beside its images. */
export const seriesSealName = (seriesInstanceUid: string): string => `${seriesInstanceUid}.series.fiducial.json`
