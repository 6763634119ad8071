// Read images from input.bin, run the model on each, write its outputs to output.bin and what it cost to report.bin.
#include "board.h"
#include "model.h"

#define OPEN(name, writing) open_file(name, sizeof name - 1, writing)

extern uint32_t _bss_end[];

static uint32_t ticks_for_a_million_instructions(void) {
  uint32_t start = ticks(), rounds = 500000;
  __asm volatile("1: subs %0, #1\n bne 1b" : "+l"(rounds)::"cc");
  return (ticks() - start) & 0xFFFFFF;
}

static struct { uint32_t images, ticks, million, stack; } cost;

int main(void) {
  int images = OPEN("input.bin", 0), answers = OPEN("output.bin", 1), report = OPEN("report.bin", 1);
  if (images < 0 || answers < 0 || report < 0) return 1;
  start_ticks();
  cost.million = ticks_for_a_million_instructions();
  while (read_file(images, model_input, MODEL_INPUT_BYTES) == 0) {
    uint32_t start = ticks();
    model_run();
    cost.ticks += (ticks() - start) & 0xFFFFFF;
    cost.images++;
    write_file(answers, model_output, MODEL_OUTPUT_BYTES);
  }
  uint32_t *lowest = _bss_end, here;
  while (*lowest == UNUSED) lowest++;
  cost.stack = (uint8_t *)&here - (uint8_t *)lowest;
  return write_file(report, &cost, sizeof cost);
}
