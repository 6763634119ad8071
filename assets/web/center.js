// A drawing as the images of MNIST are: the same 28 x 28 numbers as tflite_course.pad.center_like_mnist in Python.
//
// "The same" needs three habits of Python: round() takes the even number at a tie, Pillow scales with whole numbers
// of 22 bits after the point, and NumPy adds float32 numbers in a certain order. A sum that differs in its last bit
// can move a digit by one pixel. data/centring.npz holds drawings and what every language must make of them.

import { Problem } from "./problem.js";

const INK = 25; // of 255: what is darker counts as paper
const SMALLEST = 1 / 8; // of the canvas: a drawing whose longer side is shorter is a dot
const BITS = 22; // of Pillow's numbers, after the point

/** What a person who draws should do next: no error. */
export class EmptyDrawing extends Problem {}

/** Python's round(): to the nearest whole number, at a tie to the even one. */
export function roundHalfEven(x) {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 ? low + 1 : low;
}

/** The box around the ink of a Uint8Array of rows x columns, 0 = paper: {top, left, height, width}. */
export function findInk(canvas, rows, columns) {
  let top = rows, left = columns, bottom = -1, right = -1, bright = 0;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const value = canvas[y * columns + x];
      bright += value > 127;
      if (value <= INK) continue;
      top = Math.min(top, y);
      bottom = y;
      left = Math.min(left, x);
      right = Math.max(right, x);
    }
  }
  if (bottom < 0) throw new EmptyDrawing("The drawing is empty: draw one digit from 0 to 9.");
  if (bright > rows * columns / 2) {
    throw new Problem("More than half of the drawing is ink, the models expect a digit on empty paper: clear it and draw one digit.");
  }
  const height = bottom - top + 1, width = right - left + 1;
  if (Math.max(height, width) < SMALLEST * Math.max(rows, columns)) {
    throw new EmptyDrawing("That is only a dot: draw one whole digit, about half as tall as the pad.");
  }
  return { top, left, height, width };
}

/** For each of `to` new pixels the old ones that it covers and their weights, as whole numbers of 22 bits. */
function boxWeights(from, to) {
  const scale = from / to, stretch = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - 0.5 * stretch + 0.5));
    const end = Math.min(from, Math.trunc(center + 0.5 * stretch + 0.5));
    const weights = [];
    for (let k = first; k < end; k++) {
      const distance = (k - center + 0.5) * (1 / stretch);
      weights.push(distance > -0.5 && distance <= 0.5 ? 1 : 0);
    }
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((w) => Math.trunc(0.5 + w * (sum ? 1 / sum : 1) * 2 ** BITS)) };
  });
}

/** Scale the rows of (height, width) pixels to newWidth; transposed: the result comes as (newWidth, height). */
function resizeRows(pixels, height, width, newWidth) {
  const result = new Uint8Array(newWidth * height);
  boxWeights(width, newWidth).forEach(({ first, weights }, x) => {
    for (let y = 0; y < height; y++) {
      let sum = 2 ** (BITS - 1);
      for (let k = 0; k < weights.length; k++) sum += pixels[y * width + first + k] * weights[k];
      result[x * height + y] = Math.min(255, sum >> BITS);
    }
  });
  return result;
}

function transpose(pixels, height, width) {
  return Uint8Array.from({ length: height * width }, (_, i) => pixels[(i % height) * width + Math.floor(i / height)]);
}

/** Scale (height, width) pixels as Pillow's resize with BOX does; it rounds after each of its two passes. */
function resize(pixels, height, width, newHeight, newWidth) {
  // Pillow 13 takes the columns first where that saves much work, and the last bit shows it.
  if (height - newHeight > 2 * (width - newWidth)) {
    const rows = resizeRows(transpose(pixels, height, width), width, height, newHeight);
    return transpose(resizeRows(rows, newHeight, width, newWidth), newWidth, newHeight);
  }
  return resizeRows(resizeRows(pixels, height, width, newWidth), newWidth, height, newHeight);
}

/** NumPy's sum of a contiguous float32 array: eight running sums, halves of long arrays. */
function pairwiseSum(values, start = 0, n = values.length) {
  const f = Math.fround;
  if (n < 8) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum = f(sum + values[start + i]);
    return sum;
  }
  if (n <= 128) {
    const r = Array.from(values.subarray(start, start + 8));
    let i = 8;
    for (; i < n - (n % 8); i += 8) for (let k = 0; k < 8; k++) r[k] = f(r[k] + values[start + i + k]);
    let sum = f(f(f(r[0] + r[1]) + f(r[2] + r[3])) + f(f(r[4] + r[5]) + f(r[6] + r[7])));
    for (; i < n; i++) sum = f(sum + values[start + i]);
    return sum;
  }
  const half = Math.floor(n / 2) - (Math.floor(n / 2) % 8);
  return f(pairwiseSum(values, start, half) + pairwiseSum(values, start + half, n - half));
}

/** Where the centre of mass of (height, width) float32 values lies: [row, column]. */
function centerOfMass(small, height, width) {
  const total = pairwiseSum(small);
  let row = 0, column = 0;
  for (let y = 0; y < height; y++) row += y * pairwiseSum(small, y * width, width);
  for (let x = 0; x < width; x++) {
    let sum = 0;
    if (width === 1) sum = total;
    else for (let y = 0; y < height; y++) sum = Math.fround(sum + small[y * width + x]);
    column += x * sum;
  }
  return [row / total, column / total];
}

/**
 * Scale and centre a drawing: Uint8Array of rows x columns, 0 = paper, 255 = ink -> Float32Array of 28 x 28, 0 to 1.
 * Throws EmptyDrawing for a blank canvas or a dot, Problem for bright paper.
 */
export function centerLikeMnist(canvas, rows, columns = rows) {
  const box = findInk(canvas, rows, columns);
  const digit = new Uint8Array(box.height * box.width);
  for (let y = 0; y < box.height; y++) {
    const start = (box.top + y) * columns + box.left;
    digit.set(canvas.subarray(start, start + box.width), y * box.width);
  }
  const scale = 20 / Math.max(box.height, box.width);
  const [height, width] = [box.height, box.width].map((length) => Math.max(1, roundHalfEven(length * scale)));
  const small = Float32Array.from(resize(digit, box.height, box.width, height, width), (value) => value / 255);
  const [row, column] = centerOfMass(small, height, width);
  const top = Math.min(Math.max(roundHalfEven(14 - row), 0), 28 - height); // a heavy end must not leave the image
  const left = Math.min(Math.max(roundHalfEven(14 - column), 0), 28 - width);
  const image = new Float32Array(28 * 28);
  for (let y = 0; y < height; y++) image.set(small.subarray(y * width, (y + 1) * width), (top + y) * 28 + left);
  return image;
}

/** Scale a drawing to 28 x 28 as a whole, without centring it; arguments and errors as of centerLikeMnist. */
export function resizeOnly(canvas, rows, columns = rows) {
  findInk(canvas, rows, columns);
  return Float32Array.from(resize(canvas, rows, columns, 28, 28), (value) => value / 255);
}
