import Foundation
import TensorFlowLite // CocoaPods: see Podfile

/// The course's .tflite with int8 input and output, the same bytes as on the other targets.
///
/// The interpreter gets a path, not Data: it maps the file into memory itself. `Data(contentsOf:)` would read a copy of
/// the whole model first.
final class LiteRTClassifier: Classifier {
    private let interpreter: Interpreter

    init() throws {
        guard let path = Bundle.main.path(forResource: "model", ofType: "tflite") else {
            throw ModelError.missing("model.tflite")
        }
        interpreter = try Interpreter(modelPath: path)
        try interpreter.allocateTensors()
        guard try interpreter.input(at: 0).data.count == 28 * 28 else { throw ModelError.otherShape("input") }
    }

    func logits(of grey: [UInt8]) throws -> [Float] {
        guard let source = try interpreter.input(at: 0).quantizationParameters else { throw ModelError.otherShape("input") }
        let steps = grey.map { value -> Int8 in
            let step = (Float(value) / 255 / source.scale).rounded() + Float(source.zeroPoint)
            return Int8(min(max(step, -128), 127))
        }
        try interpreter.copy(steps.withUnsafeBufferPointer { Data(buffer: $0) }, toInputAt: 0)
        try interpreter.invoke()
        let output = try interpreter.output(at: 0)
        guard let target = output.quantizationParameters, output.data.count == 10 else {
            throw ModelError.otherShape("output")
        }
        return output.data.map { Float(Int(Int8(bitPattern: $0)) - target.zeroPoint) * target.scale }
    }
}
