/*
 * Example: marks one raw frame, band by band, as firmware would; the same source runs on a PC and on a Cortex-M.
 *
 *   mark-frame FRAME WIDTH HEIGHT BITS PLANE KEY DATA MARKED SYNDROMES
 *
 * FRAME holds samples of the canonical domain, 2 bytes each, little-endian; KEY the 32 bytes of the image key; DATA header,
 * signature and side information of the chips, or nothing. MARKED and SYNDROMES are written. A sensor has a frame buffer
 * in place of the file, and makes header and signature itself.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "fiducial_mark.h"

/* For frames of 512 columns, and tiles of 32 in most; a device has what its own frames take. */
#ifndef MEMORY_BYTES
#define MEMORY_BYTES (512 * 1024)
#endif
#ifndef TILES
#define TILES 4096
#endif
#ifndef STREAM_BYTES
#define STREAM_BYTES 16384
#endif

static uint32_t memory[MEMORY_BYTES / 4];
static uint8_t stream[STREAM_BYTES];
static uint32_t syndromes[2 * TILES];
static uint8_t key[32];

#ifdef FIDUCIAL_MARK_COUNT
/* Counts instructions, where the board can; see cortex-m/board.c. */
void count_start(void);
uint32_t count_stop(void);
static uint32_t counted;
#endif

static long read_file(const char *path, void *into, size_t most) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return -1;
  const size_t length = fread(into, 1, most, file);
  fclose(file);
  return (long)length;
}

static int fail(const char *what) {
  fprintf(stderr, "mark-frame: %s\n", what);
  return 1;
}

/* One pass over the frame: whether it has room, or with a target the marking itself. */
static int pass(fiducial_mark *mark, FILE *frame, FILE *target) {
  rewind(frame);
  fiducial_mark_rewind(mark);
  for (uint32_t lines; (lines = fiducial_mark_lines(mark)) > 0;) {
    uint16_t *band = fiducial_mark_band(mark);
    const size_t samples = (size_t)lines * mark->plane.width;
    if (fread(band, 2, samples, frame) != samples) return FIDUCIAL_MARK_AT_END;
#ifdef FIDUCIAL_MARK_COUNT
    count_start();
#endif
    const int result = target == NULL ? fiducial_mark_fit(mark) : fiducial_mark_embed(mark, stream, syndromes);
#ifdef FIDUCIAL_MARK_COUNT
    if (target != NULL) counted += count_stop();
#endif
    if (result != FIDUCIAL_MARK_OK) return result;
    if (target != NULL && fwrite(band, 2, samples, target) != samples) return FIDUCIAL_MARK_AT_END;
  }
  return FIDUCIAL_MARK_OK;
}

/* Tries larger tiles until all have room for data, then the same without. */
static int begin(fiducial_mark *mark, fiducial_mark_plane plane, uint32_t data, FILE *frame) {
  const uint32_t first = plane.bits >= 10 ? 32 : 64;
  for (plane.tile_size = first; plane.tile_size <= 256; plane.tile_size *= 2) {
    plane.stream_bytes = data > 0 ? fiducial_mark_stream_bytes(&plane, data) : 0;
    int result = fiducial_mark_begin(mark, &plane, memory, sizeof memory, key);
    if (result == FIDUCIAL_MARK_OK) result = pass(mark, frame, NULL);
    if (result != FIDUCIAL_MARK_NO_ROOM) return result;
  }
  return data > 0 ? begin(mark, plane, 0, frame) : FIDUCIAL_MARK_NO_ROOM;
}

int main(int count, char **words) {
  if (count != 10) return fail("FRAME WIDTH HEIGHT BITS PLANE KEY DATA MARKED SYNDROMES are needed");
  const fiducial_mark_plane plane = {
      .width = (uint32_t)atoi(words[2]),
      .height = (uint32_t)atoi(words[3]),
      .bits = (uint32_t)atoi(words[4]),
      .number = (uint32_t)atoi(words[5]),
  };
  if (read_file(words[6], key, sizeof key) != sizeof key) return fail("KEY cannot be read");
  const long data = read_file(words[7], stream, sizeof stream);
  if (data < 0) return fail("DATA cannot be read");
  FILE *frame = fopen(words[1], "rb");
  FILE *target = fopen(words[8], "wb");
  FILE *record = fopen(words[9], "wb");
  if (frame == NULL || target == NULL || record == NULL) return fail("a file cannot be opened");

  static fiducial_mark mark;
  if (begin(&mark, plane, (uint32_t)data, frame) != FIDUCIAL_MARK_OK) return fail("the frame has no room, or is none");
  const uint32_t tiles = fiducial_mark_tiles(&mark.plane);
  const uint32_t length = tiles * mark.plane.stream_bytes;
  if (tiles > TILES || length > sizeof stream) return fail("the frame has too many tiles for this build");
  if (length > 0) {
    static uint32_t work[(STREAM_BYTES + 576) / 4];
    if (fiducial_mark_parity(work, sizeof work, stream, (uint32_t)data, length) != FIDUCIAL_MARK_OK)
      return fail("no memory for parity");
  }
  if (pass(&mark, frame, target) != FIDUCIAL_MARK_OK) return fail("the frame cannot be marked");
  fwrite(syndromes, 4, 2 * tiles, record);
  fclose(record);
  fclose(target);
  printf("tiles of %lu: %lu, %lu bytes of stream in each, %lu bytes of memory\n", (unsigned long)mark.plane.tile_size,
         (unsigned long)tiles, (unsigned long)mark.plane.stream_bytes,
         (unsigned long)fiducial_mark_memory(&mark.plane));
#ifdef FIDUCIAL_MARK_COUNT
  printf("instructions a sample: %lu.%02lu\n", (unsigned long)(counted / (plane.width * plane.height)),
         (unsigned long)((uint64_t)counted * 100 / (plane.width * plane.height) % 100));
#endif
  fiducial_mark_end(&mark);
  return 0;
}
