package org.example.digits;

/**
 * A drawing as the images of MNIST are. It is tflite_course.drawing.center_like_mnist in Java, without a class of
 * Android, so that a JDK alone can test it.
 */
final class Centering {
    static final int SIDE = 28;
    private static final int BOX = 20;
    private static final int INK = 25; // of 255: what is darker counts as paper
    private static final int BITS = 22; // after the point, as Pillow scales

    private Centering() {}

    /**
     * Scales the box around the ink to 20 pixels and moves its centre of mass to the middle.
     *
     * @param grey side * side values, 0 = paper, 255 = ink
     * @return 28 * 28 values, or null when there is no ink or only a dot
     */
    static int[] center(int[] grey, int side) {
        int top = side, left = side, bottom = -1, right = -1;
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                if (grey[y * side + x] <= INK) continue;
                top = Math.min(top, y);
                bottom = y;
                left = Math.min(left, x);
                right = Math.max(right, x);
            }
        }
        int height = bottom - top + 1, width = right - left + 1, longer = Math.max(height, width);
        if (bottom < 0 || 8 * longer < side) return null;
        int[] digit = new int[height * width];
        for (int y = 0; y < height; y++) {
            System.arraycopy(grey, (top + y) * side + left, digit, y * width, width);
        }
        int rows = Math.max(1, (int) Math.rint(height * (double) BOX / longer)); // rint: a tie goes to the even number
        int columns = Math.max(1, (int) Math.rint(width * (double) BOX / longer));
        return place(resize(digit, height, width, rows, columns), rows, columns);
    }

    /** Puts rows * columns values into 28 * 28, their centre of mass in the middle. */
    private static int[] place(int[] small, int rows, int columns) {
        double sum = 0, down = 0, across = 0;
        for (int y = 0; y < rows; y++) {
            for (int x = 0; x < columns; x++) {
                int value = small[y * columns + x];
                sum += value;
                down += (double) y * value;
                across += (double) x * value;
            }
        }
        int top = clamp((int) Math.rint(14 - down / sum), SIDE - rows); // a heavy end must not leave the image
        int left = clamp((int) Math.rint(14 - across / sum), SIDE - columns);
        int[] image = new int[SIDE * SIDE];
        for (int y = 0; y < rows; y++) {
            System.arraycopy(small, y * columns, image, (top + y) * SIDE + left, columns);
        }
        return image;
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
