package org.example.digits;

/**
 * A drawing as the images of MNIST are. It is tflite_course.drawing.center_like_mnist in Java, without a class of
 * Android, so that a JDK alone can test it. data/centring.npz holds drawings and what every language must make of them.
 */
final class Centering {
    static final int SIDE = 28;
    private static final int BOX = 20;
    private static final int INK = 25; // of 255: what is darker counts as paper
    private static final int BITS = 22; // after the point, as Pillow scales

    private Centering() {}

    static int[] center(int[] grey, int side) {
        return center(grey, side, side);
    }

    /**
     * Scales the box around the ink to 20 pixels and moves its centre of mass to the middle.
     *
     * @param grey tall * wide values, 0 = paper, 255 = ink
     * @return 28 * 28 values, or null when there is no ink or only a dot
     * @throws IllegalArgumentException when more than half of the drawing is ink: the paper is bright
     */
    static int[] center(int[] grey, int tall, int wide) {
        int top = tall, left = wide, bottom = -1, right = -1, bright = 0;
        for (int y = 0; y < tall; y++) {
            for (int x = 0; x < wide; x++) {
                if (grey[y * wide + x] > 127) bright++;
                if (grey[y * wide + x] <= INK) continue;
                top = Math.min(top, y);
                bottom = y;
                left = Math.min(left, x);
                right = Math.max(right, x);
            }
        }
        if (bottom < 0) return null;
        if (2 * bright > tall * wide) {
            throw new IllegalArgumentException("The paper is bright and the ink dark: swap them, 255 - grey.");
        }
        int height = bottom - top + 1, width = right - left + 1, longer = Math.max(height, width);
        if (8 * longer < Math.max(tall, wide)) return null;
        int[] digit = new int[height * width];
        for (int y = 0; y < height; y++) {
            System.arraycopy(grey, (top + y) * wide + left, digit, y * width, width);
        }
        double scale = (double) BOX / longer;
        int rows = Math.max(1, (int) Math.rint(height * scale)); // rint: a tie goes to the even number
        int columns = Math.max(1, (int) Math.rint(width * scale));
        return place(resize(digit, height, width, rows, columns), rows, columns);
    }

    /** Puts rows * columns values into 28 * 28, their centre of mass in the middle. */
    private static int[] place(int[] small, int rows, int columns) {
        float[] values = new float[small.length];
        for (int i = 0; i < small.length; i++) values[i] = small[i] / 255f;
        double sum = pairwiseSum(values, 0, values.length), down = 0, across = 0;
        for (int y = 0; y < rows; y++) down += (double) y * pairwiseSum(values, y * columns, columns);
        for (int x = 0; x < columns; x++) {
            float column = 0;
            for (int y = 0; y < rows; y++) column += values[y * columns + x];
            across += x * (columns == 1 ? sum : column);
        }
        int top = clamp((int) Math.rint(14 - down / sum), SIDE - rows); // a heavy end must not leave the image
        int left = clamp((int) Math.rint(14 - across / sum), SIDE - columns);
        int[] image = new int[SIDE * SIDE];
        for (int y = 0; y < rows; y++) {
            System.arraycopy(small, y * columns, image, (top + y) * SIDE + left, columns);
        }
        return image;
    }

    /** NumPy's sum of float32 values, eight running sums and halves of long arrays: the last bit decides at a tie. */
    private static float pairwiseSum(float[] values, int start, int n) {
        if (n < 8) {
            float sum = 0;
            for (int i = 0; i < n; i++) sum += values[start + i];
            return sum;
        }
        if (n <= 128) {
            float[] r = java.util.Arrays.copyOfRange(values, start, start + 8);
            int i = 8;
            for (; i < n - n % 8; i += 8) {
                for (int k = 0; k < 8; k++) r[k] += values[start + i + k];
            }
            float sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
            for (; i < n; i++) sum += values[start + i];
            return sum;
        }
        int half = n / 2 - n / 2 % 8;
        return pairwiseSum(values, start, half) + pairwiseSum(values, start + half, n - half);
    }

    private static int clamp(int value, int most) {
        return Math.min(Math.max(value, 0), most);
    }

    /** Makes each new pixel the mean of those it covers: first along one axis, then along the other, as Pillow does. */
    private static int[] resize(int[] grey, int height, int width, int rows, int columns) {
        if (height - rows > 2 * (width - columns)) {
            int[] lower = transpose(shrink(transpose(grey, height, width), width, height, rows), width, rows);
            return shrink(lower, rows, width, columns);
        }
        int[] narrower = shrink(grey, height, width, columns);
        return transpose(shrink(transpose(narrower, height, columns), columns, height, rows), columns, rows);
    }

    private static int[] shrink(int[] grey, int height, int width, int columns) {
        int[] result = new int[height * columns];
        double scale = (double) width / columns, stretch = Math.max(scale, 1);
        for (int x = 0; x < columns; x++) {
            double center = (x + 0.5) * scale;
            int first = Math.max(0, (int) (center - stretch / 2 + 0.5));
            int end = Math.min(width, (int) (center + stretch / 2 + 0.5));
            while (!covered(first, center, stretch)) first++;
            while (!covered(end - 1, center, stretch)) end--;
            long weight = (long) (0.5 + 1.0 / (end - first) * (1L << BITS));
            for (int y = 0; y < height; y++) {
                long sum = 1L << (BITS - 1);
                for (int k = first; k < end; k++) sum += weight * grey[y * width + k];
                result[y * columns + x] = (int) Math.min(255, sum >> BITS);
            }
        }
        return result;
    }

    private static boolean covered(int k, double center, double stretch) {
        double distance = (k - center + 0.5) * (1 / stretch);
        return distance > -0.5 && distance <= 0.5;
    }

    private static int[] transpose(int[] grey, int height, int width) {
        int[] result = new int[grey.length];
        for (int i = 0; i < grey.length; i++) result[(i % width) * height + i / width] = grey[i];
        return result;
    }
}
