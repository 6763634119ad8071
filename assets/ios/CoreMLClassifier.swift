import CoreML

/// A Core ML package of lesson 13. Xcode compiles Digits.mlpackage into Digits.mlmodelc and puts that into the app.
final class CoreMLClassifier: Classifier {
    private let model: MLModel
    private let source: String
    private let target: String
    private let shape: [NSNumber]

    init() throws {
        guard let url = Bundle.main.url(forResource: "Digits", withExtension: "mlmodelc") else {
            throw ModelError.missing("Digits.mlmodelc")
        }
        let configuration = MLModelConfiguration()
        configuration.computeUnits = .all // CPU, GPU or Neural Engine: Core ML chooses for each operation
        model = try MLModel(contentsOf: url, configuration: configuration)
        let inputs = model.modelDescription.inputDescriptionsByName
        guard let (name, input) = inputs.first, let wanted = input.multiArrayConstraint?.shape,
              wanted.reduce(1, { $0 * $1.intValue }) == 28 * 28,
              let output = model.modelDescription.outputDescriptionsByName.keys.first
        else { throw ModelError.otherShape("input") }
        (source, target, shape) = (name, output, wanted)
    }

    func logits(of grey: [UInt8]) throws -> [Float] {
        let array = try MLMultiArray(shape: shape, dataType: .float32)
        for (index, value) in grey.enumerated() { array[index] = NSNumber(value: Float(value) / 255) }
        let input = try MLDictionaryFeatureProvider(dictionary: [source: array])
        guard let output = try model.prediction(from: input).featureValue(for: target)?.multiArrayValue,
              output.count == 10
        else { throw ModelError.otherShape("output") }
        return (0 ..< output.count).map { output[$0].floatValue }
    }
}
