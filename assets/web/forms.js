// In which form a model takes an image and gives its ten numbers: what the file says, and what ten known digits tell.
// The rules are those of assets/edge/read_digits.py.

export const SIDE = 28;

// Ten digits as strokes, x and y in a unit square: a model that reads most of them is asked in the right way.
const KNOWN = [
  ["50 0 25 12 15 35 15 65 27 90 50 100 73 88 85 62 83 33 70 8 50 0"],
  ["32 20 54 0 52 50 50 100"],
  ["14 22 30 3 60 2 78 20 70 45 42 75 12 98 45 95 88 98"],
  ["16 8 48 0 76 12 74 34 44 48 76 60 82 84 56 100 16 92"],
  ["30 0 22 30 14 58 50 60 90 58", "72 8 70 50 68 100"],
  ["80 2 30 2 24 44 56 40 80 58 78 84 52 100 16 92"],
  ["66 0 36 22 18 56 20 84 44 100 72 90 78 68 60 54 34 62 20 78"],
  ["12 4 50 3 88 2 66 36 50 68 40 100"],
  ["74 14 48 0 24 16 36 38 66 58 76 82 50 100 24 84 34 60 64 38 74 14"],
  ["76 22 52 2 26 16 26 40 50 50 76 24 74 60 68 100"],
];
// What paper and ink may be for a model; the last is MNIST's mean and deviation, as PyTorch's examples have it.
const RANGES = [[0, 1], [0, 255], [-1, 1], [1, 0], [255, 0], [1, -1], [-0.5, 0.5], [-128, 127], [-0.4242, 2.8215]];
export const ENOUGH = 18, CLEARLY = 3; // of 20 known digits: read in the usual range; more than that in another

/** The distance from (x, y) to the line from a to b. */
function distanceTo(x, y, [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const along = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)));
  return Math.hypot(x - ax - along * dx, y - ay - along * dy);
}

/** KNOWN as images, upright and slanted: 20 times Float32Array of 784 grey values from 0 to 1. */
export function knownDigits() {
  return [0, 0.25].flatMap((slant) => KNOWN.map((strokes) => {
    const lines = strokes.map((text) => {
      const numbers = text.split(" ").map((n) => n / 100 - 0.5), points = [];
      for (let i = 0; i < numbers.length; i += 2) {
        points.push([14 * (numbers[i] - slant * numbers[i + 1]) + 13.5, 19 * numbers[i + 1] + 13.5]);
      }
      return points;
    });
    return Float32Array.from({ length: SIDE * SIDE }, (_, i) => {
      const parts = lines.flatMap((points) => points.slice(1).map((b, k) =>
        distanceTo(i % SIDE, Math.floor(i / SIDE), points[k], b)));
      return Math.round(255 * Math.min(1, Math.max(0, 1.9 - Math.min(...parts)))) / 255;
    });
  }));
}

/** {batch, shape}: an open batch as 1, open sides as 28; null when the input is not 28 x 28 grey values. */
export function findLayout(signature) {
  const rest = (axes) => {
    const kept = axes.filter((axis) => axis !== 1), side = kept.length === 2 ? SIDE : SIDE * SIDE;
    if (kept.length < 1 || kept.length > 2 || kept.some((axis) => axis !== -1 && axis !== side)) return null;
    return axes.map((axis) => (axis === -1 ? side : axis));
  };
  if (signature.length > 1 && rest(signature.slice(1))) {
    const batch = Math.max(signature[0], 1);
    return { batch, shape: [batch, ...rest(signature.slice(1))] };
  }
  return rest(signature) && { batch: 1, shape: rest(signature) };
}

/** The ranges, [paper, ink], that an input may want, the likeliest first. */
export function possibleRanges({ type, scale, zeroPoint }) {
  if (type === "float32") return RANGES;
  if (!scale) return [[0, 255], [255, 0], [0, 1]]; // integers: the grey values as they are
  const low = -zeroPoint * scale, high = (255 - zeroPoint) * scale;
  const slack = (high - low) / 4, largest = Math.max(-low, high);
  const off = (range) => Math.abs(Math.min(...range) - low) + Math.abs(Math.max(...range) - high);
  const fits = RANGES.filter((range) => Math.min(...range) >= low - slack && Math.max(...range) <= high + slack
    && 2 * Math.max(...range.map(Math.abs)) >= largest).sort((a, b) => off(a) - off(b));
  return fits.length ? fits : [[low, high], ...RANGES];
}

/** Whether rows of ten numbers are probabilities: of a softmax, or of a sigmoid for each digit. */
export function areProbabilities(rows) {
  const all = rows.flatMap((row) => Array.from(row));
  return all.every((x) => x > -1e-3 && x < 1.01) && Math.max(...all) > 0.5;
}

/** How many of the known digits rows of ten numbers name. */
export const countRight = (rows) => rows.filter((row, k) => row.indexOf(Math.max(...row)) === k % 10).length;
