// The integer kernels of an exported model. The arithmetic is that of TensorFlow Lite Micro (TFLM): the same bytes go
// in, the same bytes come out. A value q stands for scale * (q - zero_point).
//
// A Layer is a convolution, a depthwise convolution or a fully connected layer. Images are height x width x channels.
#pragma once
#include <stdint.h>
#ifdef __ARM_FEATURE_SIMD32
#include <arm_acle.h>
#endif

typedef struct {
  const int8_t *weights;      // one row for each output channel (depthwise: one row for each place of the window)
  const int32_t *bias;        // minus zero_point * sum of the weights: the kernels multiply the input as it is
  const int32_t *multiplier;  // multiplier / 2^31 / 2^right = input scale * weight scale / output scale
  const uint8_t *right;
#ifdef LIKE_XNNPACK
  const float *scale;  // input scale * weight scale / output scale
#endif
  int32_t row;                        // length of a row, a multiple of 4
  int16_t outputs;                    // output channels
  int16_t height, width, channels;    // of the input
  int16_t out_height, out_width;
  int16_t window_height, window_width, stride_y, stride_x, top, left;  // top, left: rows and columns of padding
  int8_t zero_in, zero_out, lowest, highest;                           // zero points; the activation's clamp
} Layer;

// TFLM rounds twice when it rescales a sum. LiteRT's reference kernels do so too, but not in fully connected layers
// (those have no height). XNNPACK multiplies in float32 and rounds to the nearest number, a half to the even one
// (params-init.c of XNNPACK, "fp32"). The macros below choose.
#ifdef LIKE_LITERT_REFERENCE
#define ROUND_ONCE(layer) ((layer)->height == 0)
#else
#define ROUND_ONCE(layer) 0
#endif
#ifdef LIKE_XNNPACK
#define SCALE(array) .scale = array,
#else
#define SCALE(array)
#endif
#define KERNEL static __attribute__((unused)) void  // a model calls some of them

// x * multiplier / 2^31 / 2^right
static inline int32_t rescale(int32_t x, int32_t multiplier, int right, int once) {
  int64_t product = (int64_t)x * multiplier;
  if (once) return (int32_t)((product + (1ll << (30 + right))) >> (31 + right));
  int32_t high = (int32_t)((product + (1 << 30)) >> 31);
  return right ? (high + (1 << (right - 1)) - (high < 0)) >> right : high;
}

// x * scale + zero; a float32 near 3 * 2^22 has no room for a fraction, so adding that number rounds
static inline __attribute__((unused)) int32_t rescale_float(int32_t x, float scale, float zero) {
  union { float value; int32_t bits; } sum, bias = {.value = 12582912.0f};
  volatile float product = (float)x * scale;  // volatile: it is rounded before zero is added
  float y = product + zero;
  sum.value = (y > 4000.0f ? 4000.0f : y < -4000.0f ? -4000.0f : y) + bias.value;
  return sum.bits - bias.bits;
}

// The sum of an output channel in steps of the output.
static inline int32_t steps(const Layer *layer, int channel, int32_t sum) {
#ifdef LIKE_XNNPACK
  return rescale_float(sum, layer->scale[channel], 0.0f);
#else
  return rescale(sum, layer->multiplier[channel], layer->right[channel], ROUND_ONCE(layer));
#endif
}

static inline int8_t clamp(int32_t value, int lowest, int highest) {
  return (int8_t)(value < lowest ? lowest : value > highest ? highest : value);
}

static inline int8_t finish(const Layer *layer, int channel, int32_t sum) {
  return clamp(steps(layer, channel, sum) + layer->zero_out, layer->lowest, layer->highest);
}

#ifdef __ARM_FEATURE_SIMD32
// Cortex-M4 and larger: a word holds four values; SXTB16 widens two of them to 16 bits, SMLAD adds two products.
typedef uint32_t __attribute__((aligned(1), may_alias)) Word;

static inline int32_t first_and_third(uint32_t word) { return __sxtb16(word); }

static inline int32_t second_and_fourth(uint32_t word) {
  int32_t two;
  __asm("sxtb16 %0, %1, ror #8" : "=r"(two) : "r"(word));  // gcc makes two instructions of the intrinsics
  return two;
}
#endif

// Add the products of x with two rows of weights: each x is loaded once and used twice. length is a multiple of 4.
static inline void dot(const int8_t *x, const int8_t *row_0, const int8_t *row_1, int length, int32_t sum[2]) {
  int32_t sum_0 = sum[0], sum_1 = sum[1];
#ifdef __ARM_FEATURE_SIMD32
  for (const int8_t *end = x + length; x < end; x += 4, row_0 += 4, row_1 += 4) {
    uint32_t word = *(const Word *)x, word_0 = *(const Word *)row_0, word_1 = *(const Word *)row_1;
    int32_t odd = first_and_third(word), even = second_and_fourth(word);
    sum_0 = __smlad(odd, first_and_third(word_0), sum_0);
    sum_0 = __smlad(even, second_and_fourth(word_0), sum_0);
    sum_1 = __smlad(odd, first_and_third(word_1), sum_1);
    sum_1 = __smlad(even, second_and_fourth(word_1), sum_1);
  }
#else
  for (int i = 0; i < length; i++) {
    sum_0 += x[i] * row_0[i];
    sum_1 += x[i] * row_1[i];
  }
#endif
  sum[0] = sum_0;
  sum[1] = sum_1;
}

KERNEL fully_connected(const Layer *layer, const int8_t *in, int8_t *restrict out) {
  for (int o = 0; o < layer->outputs; o += 2) {
    int last = o + 1 == layer->outputs;  // an odd row at the end is computed twice and written once
    const int8_t *row = layer->weights + o * layer->row;
    int32_t sum[2] = {layer->bias[o], layer->bias[o + !last]};
    dot(in, row, last ? row : row + layer->row, layer->row, sum);
    out[o] = finish(layer, o, sum[0]);
    if (!last) out[o + 1] = finish(layer, o + 1, sum[1]);
  }
}

// Copy what the window covers at output place (y, x), one row after another; outside the image lies the zero point.
static void gather(const Layer *layer, const int8_t *in, int y, int x, int8_t *restrict patch) {
  int first = x * layer->stride_x - layer->left, channels = layer->channels;
  int from = first < 0 ? -first : 0, to = layer->width - first;
  if (to > layer->window_width) to = layer->window_width;
  for (int dy = 0; dy < layer->window_height; dy++) {
    int row = y * layer->stride_y - layer->top + dy;
    int inside = row >= 0 && row < layer->height;
    int8_t *begin = patch + (inside ? from : layer->window_width) * channels, *end = patch + to * channels;
    const int8_t *source = in + (row * layer->width + first + from) * channels;
    int8_t *next = patch + layer->window_width * channels;
    while (patch < begin) *patch++ = layer->zero_in;
    while (patch < end) *patch++ = *source++;
    while (patch < next) *patch++ = layer->zero_in;
  }
}

// A convolution is a fully connected layer on each patch of the image.
KERNEL convolution(const Layer *layer, const int8_t *in, int8_t *restrict out, int8_t *restrict patch) {
  for (int y = 0; y < layer->out_height; y++)
    for (int x = 0; x < layer->out_width; x++, out += layer->outputs) {
      gather(layer, in, y, x, patch);
      fully_connected(layer, patch, out);
    }
}

// Each channel has a window of its own; here a row of weights is one place of the window, for all channels.
KERNEL depthwise(const Layer *layer, const int8_t *in, int8_t *restrict out, int8_t *restrict patch) {
  int places = layer->window_height * layer->window_width, channels = layer->channels;
  for (int y = 0; y < layer->out_height; y++)
    for (int x = 0; x < layer->out_width; x++) {
      gather(layer, in, y, x, patch);
      for (int c = 0; c < channels; c++) {
        int32_t sum = layer->bias[c];
        for (int i = c; i < places * channels; i += channels) sum += patch[i] * layer->weights[i];
        *out++ = finish(layer, c, sum);
      }
    }
}

// The largest value under the window; places outside the image do not count.
KERNEL max_pool(const Layer *layer, const int8_t *in, int8_t *restrict out) {
  int channels = layer->channels;
  for (int y = 0; y < layer->out_height; y++)
    for (int x = 0; x < layer->out_width; x++, out += channels) {
      for (int c = 0; c < channels; c++) out[c] = layer->lowest;
      for (int dy = 0; dy < layer->window_height; dy++)
        for (int dx = 0; dx < layer->window_width; dx++) {
          int row = y * layer->stride_y - layer->top + dy, column = x * layer->stride_x - layer->left + dx;
          if (row < 0 || row >= layer->height || column < 0 || column >= layer->width) continue;
          const int8_t *source = in + (row * layer->width + column) * channels;
          for (int c = 0; c < channels; c++)
            if (source[c] > out[c]) out[c] = source[c];
        }
    }
}

// The mean of each channel over the whole image. The division is part of the multiplier. XNNPACK adds the zero points
// to the product in float32, before it rounds (reduce-nd.c and reference-utils.h of XNNPACK).
KERNEL mean(const Layer *layer, const int8_t *in, int8_t *restrict out) {
  int channels = layer->channels, places = layer->height * layer->width;
  for (int c = 0; c < channels; c++) {
    int32_t sum = -layer->zero_in * places;
    for (int i = c; i < places * channels; i += channels) sum += in[i];
#ifdef LIKE_XNNPACK
    int32_t zeros = layer->zero_in * places;  // of which XNNPACK's sum knows nothing
    volatile float shift = (float)zeros * layer->scale[0];
    int32_t value = rescale_float(sum + zeros, layer->scale[0], (float)layer->zero_out - shift);
    out[c] = clamp(value, layer->lowest, layer->highest);
#else
    out[c] = finish(layer, 0, sum);
#endif
  }
}

// The mean under the window in the scale of the input, a half rounded away from zero; places outside the image do not
// count.
KERNEL average_pool(const Layer *layer, const int8_t *in, int8_t *restrict out) {
  int channels = layer->channels;
  for (int y = 0; y < layer->out_height; y++)
    for (int x = 0; x < layer->out_width; x++)
      for (int c = 0; c < channels; c++) {
        int32_t sum = 0, count = 0;
        for (int dy = 0; dy < layer->window_height; dy++)
          for (int dx = 0; dx < layer->window_width; dx++) {
            int row = y * layer->stride_y - layer->top + dy, column = x * layer->stride_x - layer->left + dx;
            if (row < 0 || row >= layer->height || column < 0 || column >= layer->width) continue;
            sum += in[(row * layer->width + column) * channels + c];
            count++;
          }
        int32_t middle = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
        *out++ = clamp(middle, layer->lowest, layer->highest);
      }
}
