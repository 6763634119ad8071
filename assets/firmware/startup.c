// What runs before main(): the vector table, and memory as C expects it.
#include "board.h"

extern uint32_t _data_in_flash[], _data[], _data_end[], _bss[], _bss_end[], _stack_unused[], _stack_top[];

void reset(void) {
  uint32_t *from = _data_in_flash, *to = _data;
  while (to < _data_end) *to++ = *from++;
  for (to = _bss; to < _bss_end;) *to++ = 0;
  while (to < _stack_unused) *to++ = UNUSED;  // so that main() sees how far the stack reached
  stop(main());
}

static void fault(void) { stop(1); }

// The processor reads the first two words after a reset: the stack pointer and the address of the first instruction.
__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))_stack_top, reset, fault, fault, fault, fault, fault,
};
