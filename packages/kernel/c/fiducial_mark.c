/*
 * Marks a frame in firmware: where things lie in memory, and which tile is where; the arithmetic is in mark-kernel.c.
 *
 * Source: docs/reference/mark.md, "Grid" and "Stream".
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fiducial_mark.h"

#include <stdlib.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the kernel keeps its memory little-endian"
#endif

enum { START = 64, KEY_BYTES = 32, BLOCK_BYTES = 64, PARITY_BYTES = 512, STREAM_LIMIT = 65535 };

/* An access outside of the memory that was handed in: a mistake in this file or in the kernel, never in the samples. */
__attribute__((noreturn)) void wasm_rt_trap(wasm_rt_trap_t reason) {
  (void)reason;
  abort();
}

static uint32_t columns_of(const fiducial_mark_plane *plane) {
  return plane->width < plane->tile_size ? 1 : plane->width / plane->tile_size;
}

static uint32_t rows_of(const fiducial_mark_plane *plane) {
  return plane->height < plane->tile_size ? 1 : plane->height / plane->tile_size;
}

/* The last tile of a row or column takes what is left over. */
static uint32_t last_width(const fiducial_mark_plane *plane) {
  return plane->width - (columns_of(plane) - 1) * plane->tile_size;
}

static uint32_t last_height(const fiducial_mark_plane *plane) {
  return plane->height - (rows_of(plane) - 1) * plane->tile_size;
}

static int is_plane(const fiducial_mark_plane *plane) {
  const uint32_t size = plane->tile_size;
  return plane->width >= 2 && plane->width <= 65535 && plane->height >= 2 && plane->height <= 65535 &&
         (uint64_t)plane->width * plane->height <= 1u << 28 && plane->bits >= 4 && plane->bits <= 16 &&
         (size == 32 || size == 64 || size == 128 || size == 256) && plane->stream_bytes <= STREAM_LIMIT;
}

uint32_t fiducial_mark_tiles(const fiducial_mark_plane *plane) { return columns_of(plane) * rows_of(plane); }

uint32_t fiducial_mark_stream_bytes(const fiducial_mark_plane *plane, uint32_t data) {
  const uint32_t tiles = fiducial_mark_tiles(plane);
  const uint32_t wanted = tiles < 4 ? data : (4 * data + 2) / 3;
  return (wanted + tiles - 1) / tiles;
}

/* Takes bytes of a memory, aligned to 16. */
static uint32_t take(uint64_t *next, uint64_t bytes) {
  const uint64_t place = *next;
  *next = (place + bytes + 15) & ~(uint64_t)15;
  return (uint32_t)place;
}

/* Lays everything out; returns the bytes that it takes. */
static uint64_t lay(fiducial_mark *mark) {
  const fiducial_mark_plane *plane = &mark->plane;
  const uint32_t samples = last_width(plane) * last_height(plane);
  /* A tile has at most as many bits to carry as carriers, one word for 16 of them, and one for the threshold. */
  const uint32_t keys = 4 * (samples + samples / 32 + 4);
  uint64_t next = START;
  mark->columns = columns_of(plane);
  mark->rows = rows_of(plane);
  mark->row = 0;
  mark->key = take(&next, KEY_BYTES);
  mark->block = take(&next, BLOCK_BYTES);
  mark->first = take(&next, keys);
  mark->second = take(&next, keys);
  mark->pads = take(&next, 4 * mark->columns);
  mark->stream = take(&next, plane->stream_bytes);
  const uint32_t scratch = take(
      &next, Z_markZ_scratchBytes(&mark->kernel, last_width(plane), last_height(plane), plane->stream_bytes));
  mark->band = take(&next, (uint64_t)2 * plane->width * last_height(plane));
  Z_markZ_plan(&mark->kernel, (1u << plane->bits) - 1, plane->stream_bytes, mark->first, scratch);
  return next;
}

uint32_t fiducial_mark_memory(const fiducial_mark_plane *plane) {
  if (!is_plane(plane)) return 0;
  fiducial_mark mark = {.plane = *plane};
  const uint64_t bytes = lay(&mark);
  return bytes > UINT32_MAX ? 0 : (uint32_t)bytes;
}

int fiducial_mark_begin(fiducial_mark *mark, const fiducial_mark_plane *plane, void *memory, uint32_t size,
                        const uint8_t image_key[32]) {
  if (!is_plane(plane)) return FIDUCIAL_MARK_BAD_PLANE;
  memset(mark, 0, sizeof *mark);
  mark->plane = *plane;
  Z_mark_init_module();
  Z_mark_instantiate(&mark->kernel);
  if (lay(mark) > size || (uintptr_t)memory % 4 != 0) return FIDUCIAL_MARK_NO_MEMORY;
  mark->kernel.w2c_memory.data = memory;
  mark->kernel.w2c_memory.size = size;
  memcpy((uint8_t *)memory + mark->key, image_key, KEY_BYTES);
  const uint32_t samples = last_width(plane) * last_height(plane);
  Z_markZ_makeKeys(&mark->kernel, mark->key, samples + samples / 32 + 4, mark->first, mark->second, mark->block);
  return FIDUCIAL_MARK_OK;
}

uint32_t fiducial_mark_lines(const fiducial_mark *mark) {
  if (mark->row == mark->rows) return 0;
  return mark->row == mark->rows - 1 ? last_height(&mark->plane) : mark->plane.tile_size;
}

void fiducial_mark_rewind(fiducial_mark *mark) { mark->row = 0; }

static uint8_t *at(const fiducial_mark *mark, uint32_t place) { return mark->kernel.w2c_memory.data + place; }

uint16_t *fiducial_mark_band(const fiducial_mark *mark) { return (uint16_t *)at(mark, mark->band); }

static uint32_t width_of(const fiducial_mark *mark, uint32_t column) {
  return column == mark->columns - 1 ? last_width(&mark->plane) : mark->plane.tile_size;
}

int fiducial_mark_fit(fiducial_mark *mark) {
  const uint32_t lines = fiducial_mark_lines(mark);
  if (lines == 0) return FIDUCIAL_MARK_AT_END;
  for (uint32_t column = 0; column < mark->columns; column++) {
    const uint32_t tile = mark->band + 2 * column * mark->plane.tile_size;
    if (Z_markZ_fit(&mark->kernel, tile, 2 * mark->plane.width, width_of(mark, column), lines) == 0)
      return FIDUCIAL_MARK_NO_ROOM;
  }
  mark->row++;
  return FIDUCIAL_MARK_OK;
}

int fiducial_mark_embed(fiducial_mark *mark, const uint8_t *stream, uint32_t *syndromes) {
  const uint32_t lines = fiducial_mark_lines(mark);
  if (lines == 0) return FIDUCIAL_MARK_AT_END;
  const uint32_t pitch = 2 * mark->plane.width;
  const uint32_t bytes = mark->plane.stream_bytes;
  const uint32_t before = mark->row * mark->columns;
  Z_mark_instance_t *kernel = &mark->kernel;
  Z_markZ_makePads(kernel, mark->key, mark->plane.number, before, mark->columns, mark->pads, mark->block);
  for (uint32_t column = 0; column < mark->columns; column++) {
    const uint32_t tile = mark->band + 2 * column * mark->plane.tile_size;
    const uint32_t width = width_of(mark, column);
    const uint32_t number = before + column;
    uint32_t pad;
    memcpy(&pad, at(mark, mark->pads + 4 * column), sizeof pad);
    if (bytes > 0) memcpy(at(mark, mark->stream), stream + (size_t)number * bytes, bytes);
    if (Z_markZ_embed(kernel, tile, pitch, width, lines, pad, mark->stream) == 0) return FIDUCIAL_MARK_NO_ROOM;
    syndromes[2 * number] = Z_markZ_sum(kernel, tile, pitch, width, lines, mark->first);
    syndromes[2 * number + 1] = Z_markZ_sum(kernel, tile, pitch, width, lines, mark->second);
  }
  mark->row++;
  return FIDUCIAL_MARK_OK;
}

int fiducial_mark_parity(void *memory, uint32_t size, uint8_t *stream, uint32_t data, uint32_t length) {
  if (data > length || (uint64_t)length + START + PARITY_BYTES > size || (uintptr_t)memory % 4 != 0)
    return FIDUCIAL_MARK_NO_MEMORY;
  Z_mark_instance_t kernel = {.w2c_memory = {.data = memory, .size = size}};
  uint8_t *copy = (uint8_t *)memory + START + PARITY_BYTES;
  memcpy(copy, stream, data);
  Z_markZ_addParity(&kernel, START + PARITY_BYTES, data, length, START);
  memcpy(stream, copy, length);
  return FIDUCIAL_MARK_OK;
}

void fiducial_mark_end(fiducial_mark *mark) {
  volatile uint8_t *data = mark->kernel.w2c_memory.data;
  for (uint32_t i = 0; i < mark->kernel.w2c_memory.size; i++) data[i] = 0;
  mark->row = mark->rows;
}
