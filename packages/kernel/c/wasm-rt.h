/*
 * What the C that wasm2c writes asks of its surroundings, as much of it as the mark's kernel needs: a memory that is an
 * array of the caller's, and an end for what cannot happen. No allocator, no signals, no operating system.
 *
 * Stands in for the file of the same name in the WebAssembly Binary Toolkit; the names are that file's.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WASM_RT_H_
#define WASM_RT_H_

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define wasm_rt_memcpy __builtin_memcpy

/* Each access is checked by comparing; the kernel calls itself nowhere, so that its depth needs no count. */
#ifndef WASM_RT_MEMCHECK_SIGNAL_HANDLER
#define WASM_RT_MEMCHECK_SIGNAL_HANDLER 0
#endif
#define WASM_RT_USE_STACK_DEPTH_COUNT 0

typedef enum {
  WASM_RT_TRAP_OOB,
  WASM_RT_TRAP_INT_OVERFLOW,
  WASM_RT_TRAP_DIV_BY_ZERO,
  WASM_RT_TRAP_INVALID_CONVERSION,
  WASM_RT_TRAP_UNREACHABLE,
  WASM_RT_TRAP_CALL_INDIRECT,
} wasm_rt_trap_t;

typedef struct {
  uint8_t *data;
  uint32_t pages, max_pages;
  /* In bytes; here no multiple of a page. */
  uint32_t size;
} wasm_rt_memory_t;

typedef enum { WASM_RT_I32, WASM_RT_I64, WASM_RT_F32, WASM_RT_F64 } wasm_rt_type_t;

/* The kernel has no tables of functions and no references; the text around it knows of them. */
typedef void (*wasm_rt_function_ptr_t)(void);
typedef void *wasm_rt_externref_t;

typedef struct {
  uint32_t func_type;
  wasm_rt_function_ptr_t func;
  void *module_instance;
} wasm_rt_funcref_t;

typedef struct {
  wasm_rt_funcref_t *data;
  uint32_t max_size, size;
} wasm_rt_funcref_table_t;

typedef struct {
  wasm_rt_externref_t *data;
  uint32_t max_size, size;
} wasm_rt_externref_table_t;

static const wasm_rt_funcref_t wasm_rt_funcref_null_value = {0, 0, 0};
static const wasm_rt_externref_t wasm_rt_externref_null_value = 0;

static inline bool wasm_rt_is_initialized(void) { return true; }

/* Nothing is called by a table. */
static inline uint32_t wasm_rt_register_func_type(uint32_t params, uint32_t results, ...) {
  return (void)params, (void)results, 0;
}

/* The memory is handed in by fiducial_mark.c. */
static inline void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t pages, uint32_t most) {
  (void)memory, (void)pages, (void)most;
}
static inline void wasm_rt_free_memory(wasm_rt_memory_t *memory) { (void)memory; }

/* Does not return. In fiducial_mark.c. */
__attribute__((noreturn)) void wasm_rt_trap(wasm_rt_trap_t reason);

#endif
