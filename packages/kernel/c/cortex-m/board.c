/*
 * Start-up of a Cortex-M for the example: vectors, and a count of instructions. Files, arguments and exit come by
 * semihosting, from the C library (--specs=rdimon.specs).
 *
 * SysTick counts the processor's clock. Under QEMU with -icount shift=0 an instruction takes one nanosecond of that clock,
 * which has 25 MHz on the boards MPS2: so one tick is 40 instructions. A real Cortex-M4 takes 1 to 2 cycles for most.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>

extern uint32_t stack_top[];
/* Of the C library: clears memory, fetches arguments, calls main and exit. */
extern void _start(void);

static void stop(void) {
  for (;;) {
  }
}

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {
    stack_top, (void *)_start, (void *)stop, (void *)stop, (void *)stop, (void *)stop, (void *)stop,
};

struct systick {
  volatile uint32_t control, reload, current;
};
#define SYSTICK ((struct systick *)0xe000e010u)
enum { TICKS = 0xffffff, INSTRUCTIONS_PER_TICK = 40 };

void count_start(void) {
  SYSTICK->reload = TICKS;
  SYSTICK->current = 0;
  SYSTICK->control = 5;
}

uint32_t count_stop(void) {
  const uint32_t ticks = TICKS - SYSTICK->current;
  SYSTICK->control = 0;
  return ticks * INSTRUCTIONS_PER_TICK;
}
