/// A drawing as the images of MNIST are: tflite_course.drawing.center_like_mnist in Swift.
///
/// `grey`: side * side values, 0 = paper, 255 = ink. Returns 28 * 28 values, or nil when there is no ink or only a dot.
/// Each new pixel is the mean of those it covers, so a value can differ by one step from what Python gives.
func center(_ grey: [UInt8], side: Int) -> [UInt8]? {
    let ink = grey.indices.filter { grey[$0] > 25 }
    guard let top = ink.map({ $0 / side }).min(), let bottom = ink.map({ $0 / side }).max(),
          let left = ink.map({ $0 % side }).min(), let right = ink.map({ $0 % side }).max()
    else { return nil }
    let (height, width) = (bottom - top + 1, right - left + 1)
    let longer = max(height, width)
    if 8 * longer < side { return nil }
    let rows = max(1, Int((Double(20 * height) / Double(longer)).rounded(.toNearestOrEven)))
    let columns = max(1, Int((Double(20 * width) / Double(longer)).rounded(.toNearestOrEven)))

    func covered(_ index: Int, of count: Int, from length: Int) -> Range<Int> {
        let first = min(length - 1, (2 * index * length + count) / (2 * count))
        return first ..< max(first + 1, (2 * (index + 1) * length + count) / (2 * count))
    }

    var small = [Double](repeating: 0, count: rows * columns)
    var (sum, down, across) = (0.0, 0.0, 0.0)
    for y in 0 ..< rows {
        for x in 0 ..< columns {
            let (ys, xs) = (covered(y, of: rows, from: height), covered(x, of: columns, from: width))
            var total = 0
            for yy in ys { for xx in xs { total += Int(grey[(top + yy) * side + left + xx]) } }
            let value = Double(total) / Double(ys.count * xs.count)
            small[y * columns + x] = value
            sum += value
            down += Double(y) * value
            across += Double(x) * value
        }
    }

    let newTop = min(max(Int((14 - down / sum).rounded(.toNearestOrEven)), 0), 28 - rows)
    let newLeft = min(max(Int((14 - across / sum).rounded(.toNearestOrEven)), 0), 28 - columns)
    var image = [UInt8](repeating: 0, count: 28 * 28)
    for y in 0 ..< rows {
        for x in 0 ..< columns { image[(newTop + y) * 28 + newLeft + x] = UInt8(small[y * columns + x].rounded()) }
    }
    return image
}
