// What the firmware asks of the computer that emulates the board (Arm semihosting), and of the processor's timer.
#pragma once
#include <stdint.h>

#define UNUSED 0xA5A5A5A5u  // memory that nobody wrote to

int main(void);

// The processor stops at this breakpoint, and the emulator does what the number in r0 asks for.
static inline int semihost(int operation, const void *arguments) {
  register int r0 __asm("r0") = operation;
  register const void *r1 __asm("r1") = arguments;
  __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static inline int open_file(const char *name, int length, int writing) {
  const void *arguments[] = {name, (void *)(writing ? 5 : 1), (void *)length};  // modes "wb" and "rb"
  return semihost(0x01, arguments);
}

// Both return how many bytes are missing.
static inline int read_file(int file, void *data, int length) {
  const void *arguments[] = {(void *)file, data, (void *)length};
  return semihost(0x06, arguments);
}

static inline int write_file(int file, const void *data, int length) {
  const void *arguments[] = {(void *)file, data, (void *)length};
  return semihost(0x05, arguments);
}

static inline void stop(int code) {
  semihost(0x18, (void *)(code ? 0x20023 : 0x20026));  // run-time error, or application exit
  for (;;);
}

// SysTick counts down from 2^24 - 1 with the processor's clock.
#define SYSTICK ((volatile uint32_t *)0xE000E010)

static inline void start_ticks(void) {
  SYSTICK[1] = 0xFFFFFF;
  SYSTICK[2] = 0;
  SYSTICK[0] = 5;
}

static inline uint32_t ticks(void) { return -SYSTICK[2] & 0xFFFFFF; }
