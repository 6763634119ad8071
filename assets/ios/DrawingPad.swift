import SwiftUI

/// A square to draw on. After each stroke `drawn` gets side * side grey values, 0 = paper, 255 = ink.
struct DrawingPad: View {
    static let side = 280 // pixels that the model's input is made of, whatever the screen has

    @Binding var strokes: [[CGPoint]] // points from 0 to 1
    let drawn: ([UInt8]) -> Void
    @State private var isDown = false

    var body: some View {
        GeometryReader { frame in
            Canvas { context, size in
                context.fill(Path(CGRect(origin: .zero, size: size)), with: .color(.black))
                context.stroke(path(size.width), with: .color(.white), style: pen(size.width))
            }
            .gesture(DragGesture(minimumDistance: 0)
                .onChanged { drag in
                    if !isDown { strokes.append([]) }
                    isDown = true
                    let point = CGPoint(x: drag.location.x / frame.size.width, y: drag.location.y / frame.size.width)
                    strokes[strokes.count - 1].append(point)
                }
                .onEnded { _ in
                    isDown = false
                    drawn(grey())
                })
        }
    }

    private func pen(_ side: CGFloat) -> StrokeStyle {
        StrokeStyle(lineWidth: side / 14, lineCap: .round, lineJoin: .round)
    }

    private func path(_ side: CGFloat) -> Path {
        var path = Path()
        for stroke in strokes {
            path.addLines(stroke.map { CGPoint(x: $0.x * side, y: $0.y * side) })
        }
        return path
    }

    /// The strokes once more, into memory that the program can read.
    private func grey() -> [UInt8] {
        let side = Self.side
        var pixels = [UInt8](repeating: 0, count: side * side)
        pixels.withUnsafeMutableBytes { bytes in
            guard let bitmap = CGContext(
                data: bytes.baseAddress, width: side, height: side, bitsPerComponent: 8, bytesPerRow: side,
                space: CGColorSpaceCreateDeviceGray(), bitmapInfo: CGImageAlphaInfo.none.rawValue
            ) else { return }
            bitmap.translateBy(x: 0, y: CGFloat(side)) // Core Graphics counts rows from below
            bitmap.scaleBy(x: 1, y: -1)
            let style = pen(CGFloat(side))
            let outline = path(CGFloat(side)).cgPath
                .copy(strokingWithWidth: style.lineWidth, lineCap: .round, lineJoin: .round, miterLimit: 10)
            bitmap.setFillColor(gray: 1, alpha: 1)
            bitmap.addPath(outline)
            bitmap.fillPath()
        }
        return pixels
    }
}
