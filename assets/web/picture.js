// A picture file as a drawing: white ink on black paper, in the middle of the pad.

import { SIDE } from "./pad.js";
import { Problem } from "./problem.js";

const SMALLEST = 14, LARGEST = 8192; // pixels a side
const MARGIN = 10; // of 140: room around the picture

/** Return a picture as Uint8Array of 140 x 140, 0 = paper. Throws Problem for what is not a picture or has a wrong size. */
export async function readPicture(file) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Problem(`${file.name} is neither a .tflite file nor a picture that this browser knows: choose a PNG or JPEG.`);
  });
  const { width, height } = bitmap;
  if (Math.min(width, height) < SMALLEST || Math.max(width, height) > LARGEST) {
    throw new Problem(`${file.name} has ${width} x ${height} pixels, a digit needs ${SMALLEST} to ${LARGEST.toLocaleString("en")} a side: choose another picture or scale this one.`);
  }
  const scale = (SIDE - 2 * MARGIN) / Math.max(width, height);
  const [w, h] = [width, height].map((length) => Math.max(1, Math.round(length * scale)));
  const grey = drawGrey(bitmap, w, h);
  // The border tells paper from ink: photographs and most pictures have bright paper, MNIST has dark.
  const border = grey.filter((_, i) => i % w === 0 || i % w === w - 1 || i < w || i >= w * (h - 1)).sort();
  if (border[border.length >> 1] > 127) grey.forEach((value, i) => (grey[i] = 255 - value));
  const pixels = new Uint8Array(SIDE * SIDE);
  const top = (SIDE - h) >> 1, left = (SIDE - w) >> 1;
  for (let y = 0; y < h; y++) pixels.set(grey.subarray(y * w, (y + 1) * w), (top + y) * SIDE + left);
  return pixels;
}

/** A bitmap as w x h grey values; transparent parts count as white. */
function drawGrey(bitmap, w, h) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, w, h);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, w, h);
  bitmap.close();
  const { data } = context.getImageData(0, 0, w, h);
  return Uint8Array.from({ length: w * h }, (_, i) =>
    Math.round(0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]));
}
