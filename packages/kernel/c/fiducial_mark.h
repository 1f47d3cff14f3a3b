/*
 * Marks a frame in firmware: tiles, line-buffered, in memory that the caller hands in.
 *
 * Source: docs/reference/mark.md; a walk-through is docs/how-to/mark-in-firmware.md. One plane at a time, band by band: a
 * band is one row of tiles, from top to bottom. Samples are those of the canonical domain, 2 bytes each in the byte order
 * of the machine, which must be little-endian.
 *
 * Left to others: keys and signature (HKDF, HMAC, SHA-256, Ed25519), the header, and the chips.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FIDUCIAL_MARK_H_
#define FIDUCIAL_MARK_H_

#include <stdint.h>

#include "mark-kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One plane, and how it is cut. */
typedef struct {
  uint32_t width;        /* samples of a line, 2 to 65,535 */
  uint32_t height;       /* lines, 2 to 65,535 */
  uint32_t bits;         /* Bits Stored, 4 to 16 */
  uint32_t number;       /* frame x components + component */
  uint32_t tile_size;    /* 32 where bits is 10 or more, else 64; doubled, to 256, if a tile has no room */
  uint32_t stream_bytes; /* in each tile: fiducial_mark_stream_bytes, or 0 */
} fiducial_mark_plane;

/* Work in progress. Its fields are nobody's business. */
typedef struct {
  fiducial_mark_plane plane;
  uint32_t columns, rows, row;
  uint32_t key, first, second, pads, stream, block, band;
  Z_mark_instance_t kernel;
} fiducial_mark;

enum {
  FIDUCIAL_MARK_OK = 0,
  FIDUCIAL_MARK_BAD_PLANE = -1, /* fields out of range */
  FIDUCIAL_MARK_NO_MEMORY = -2, /* less than fiducial_mark_memory says, or not aligned to 4 */
  FIDUCIAL_MARK_NO_ROOM = -3,   /* a tile of the band cannot carry what it has to */
  FIDUCIAL_MARK_AT_END = -4     /* no band is left */
};

/* Tiles of a plane. */
uint32_t fiducial_mark_tiles(const fiducial_mark_plane *plane);

/*
 * Stream bytes in each tile for `data` bytes of header, signature and side information. The stream has as many bytes as
 * that times the tiles: the data first, then parity.
 */
uint32_t fiducial_mark_stream_bytes(const fiducial_mark_plane *plane, uint32_t data);

/* Bytes of memory that a plane takes: key table, one band, scratch; 0 for a plane out of range. */
uint32_t fiducial_mark_memory(const fiducial_mark_plane *plane);

/*
 * Takes a plane on, and makes the keys of its tiles.
 *
 * @param memory     aligned to 4; the mark's until fiducial_mark_end
 * @param size       in bytes
 * @param image_key  32 bytes; copied
 */
int fiducial_mark_begin(fiducial_mark *mark, const fiducial_mark_plane *plane, void *memory, uint32_t size,
                        const uint8_t image_key[32]);

/* Lines of the next band; 0 behind the last. */
uint32_t fiducial_mark_lines(const fiducial_mark *mark);

/* Where the lines of the next band go, and come out again: width samples each, one line behind the other. */
uint16_t *fiducial_mark_band(const fiducial_mark *mark);

/*
 * Says whether the band in memory has room, and goes on to the next; changes nothing. Whoever has asked this of all bands
 * rewinds, and then embeds.
 *
 * @returns FIDUCIAL_MARK_OK, FIDUCIAL_MARK_NO_ROOM or FIDUCIAL_MARK_AT_END
 */
int fiducial_mark_fit(fiducial_mark *mark);

/* Back to the first band. */
void fiducial_mark_rewind(fiducial_mark *mark);

/*
 * Marks the band in memory and goes on to the next.
 *
 * @param stream     of the whole plane
 * @param syndromes  two for each tile of the whole plane, of which those of this band are written
 * @returns as fiducial_mark_fit; if not FIDUCIAL_MARK_OK, the band is lost
 */
int fiducial_mark_embed(fiducial_mark *mark, const uint8_t *stream, uint32_t *syndromes);

/*
 * Fills in the parity of a stream of which the data are known.
 *
 * @param memory  to work in, aligned to 4: length and 576 bytes; that of a mark before it begins will do
 * @param stream  stream_bytes times the tiles
 * @param data    bytes of data at its beginning
 * @returns FIDUCIAL_MARK_OK or FIDUCIAL_MARK_NO_MEMORY
 */
int fiducial_mark_parity(void *memory, uint32_t size, uint8_t *stream, uint32_t data, uint32_t length);

/* Wipes keys and samples from the memory. */
void fiducial_mark_end(fiducial_mark *mark);

#ifdef __cplusplus
}
#endif

#endif
