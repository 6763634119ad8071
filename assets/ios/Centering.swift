/// A drawing as the images of MNIST are: tflite_course.drawing.center_like_mnist in Swift. The file data/centring.npz of
/// the course holds drawings and what every language must make of them.

struct BrightPaper: Error {} // more than half of a drawing is ink

private let inkLevel: UInt8 = 25 // of 255: what is darker counts as paper
private let bits = 22 // after the point, as Pillow scales

func center(_ grey: [UInt8], side: Int) throws -> [UInt8]? {
    try center(grey, tall: side, wide: side)
}

/// Scales the box around the ink to 20 pixels and moves its centre of mass to the middle.
///
/// `grey`: tall * wide values, 0 = paper, 255 = ink. Returns 28 * 28 values, or nil when there is no ink or only a dot.
/// Throws BrightPaper when more than half of the drawing is ink.
func center(_ grey: [UInt8], tall: Int, wide: Int) throws -> [UInt8]? {
    let ink = grey.indices.filter { grey[$0] > inkLevel }
    guard let top = ink.map({ $0 / wide }).min(), let bottom = ink.map({ $0 / wide }).max(),
          let left = ink.map({ $0 % wide }).min(), let right = ink.map({ $0 % wide }).max()
    else { return nil }
    if 2 * grey.filter({ $0 > 127 }).count > tall * wide { throw BrightPaper() }
    let height = bottom - top + 1
    let width = right - left + 1
    let longer = max(height, width)
    if 8 * longer < max(tall, wide) { return nil }
    var digit: [Int] = []
    for y in top ... bottom { digit += grey[(y * wide + left) ... (y * wide + right)].map { Int($0) } }
    let scale = 20.0 / Double(longer)
    let rows = max(1, Int((Double(height) * scale).rounded(.toNearestOrEven)))
    let columns = max(1, Int((Double(width) * scale).rounded(.toNearestOrEven)))
    return place(resize(digit, height, width, rows, columns), rows, columns)
}

/// Puts rows * columns values into 28 * 28, their centre of mass in the middle.
private func place(_ small: [Int], _ rows: Int, _ columns: Int) -> [UInt8] {
    let values = small.map { Float($0) / 255 }
    let sum = Double(pairwiseSum(values[...]))
    var down = 0.0
    var across = 0.0
    for y in 0 ..< rows { down += Double(y) * Double(pairwiseSum(values[(y * columns) ..< ((y + 1) * columns)])) }
    for x in 0 ..< columns {
        var column: Float = 0
        for y in 0 ..< rows { column += values[y * columns + x] }
        across += Double(x) * (columns == 1 ? sum : Double(column))
    }
    let newTop = min(max(Int((14 - down / sum).rounded(.toNearestOrEven)), 0), 28 - rows)
    let newLeft = min(max(Int((14 - across / sum).rounded(.toNearestOrEven)), 0), 28 - columns)
    var image = [UInt8](repeating: 0, count: 28 * 28)
    for y in 0 ..< rows {
        for x in 0 ..< columns { image[(newTop + y) * 28 + newLeft + x] = UInt8(small[y * columns + x]) }
    }
    return image
}

/// NumPy's sum of float32 values, eight running sums and halves of long arrays: the last bit decides at a tie.
private func pairwiseSum(_ values: ArraySlice<Float>) -> Float {
    let n = values.count
    let start = values.startIndex
    if n < 8 { return values.reduce(0, +) }
    if n > 128 {
        let half = n / 2 - n / 2 % 8
        return pairwiseSum(values[start ..< (start + half)]) + pairwiseSum(values[(start + half)...])
    }
    var r = Array(values.prefix(8))
    let whole = n - n % 8
    for i in 8 ..< max(8, whole) { r[i % 8] += values[start + i] }
    var sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
    for i in whole ..< n { sum += values[start + i] }
    return sum
}

/// Makes each new pixel the mean of those it covers: first along one axis, then along the other, as Pillow does.
private func resize(_ grey: [Int], _ height: Int, _ width: Int, _ rows: Int, _ columns: Int) -> [Int] {
    if height - rows > 2 * (width - columns) {
        let lower = transpose(shrink(transpose(grey, height, width), width, height, rows), width, rows)
        return shrink(lower, rows, width, columns)
    }
    let narrower = shrink(grey, height, width, columns)
    return transpose(shrink(transpose(narrower, height, columns), columns, height, rows), columns, rows)
}

private func shrink(_ grey: [Int], _ height: Int, _ width: Int, _ columns: Int) -> [Int] {
    var result = [Int](repeating: 0, count: height * columns)
    let scale = Double(width) / Double(columns)
    let stretch = max(scale, 1)
    for x in 0 ..< columns {
        let middle = (Double(x) + 0.5) * scale
        let covered = { (k: Int) -> Bool in
            let distance = (Double(k) - middle + 0.5) * (1 / stretch)
            return distance > -0.5 && distance <= 0.5
        }
        var first = max(0, Int(middle - stretch / 2 + 0.5))
        var end = min(width, Int(middle + stretch / 2 + 0.5))
        while !covered(first) { first += 1 }
        while !covered(end - 1) { end -= 1 }
        let weight = Int(0.5 + 1.0 / Double(end - first) * Double(1 << bits))
        for y in 0 ..< height {
            var sum = 1 << (bits - 1)
            for k in first ..< end { sum += weight * grey[y * width + k] }
            result[y * columns + x] = min(255, sum >> bits)
        }
    }
    return result
}

private func transpose(_ grey: [Int], _ height: Int, _ width: Int) -> [Int] {
    var result = [Int](repeating: 0, count: grey.count)
    for i in grey.indices { result[(i % width) * height + i / width] = grey[i] }
    return result
}
