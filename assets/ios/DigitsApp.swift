import SwiftUI

/// One screen: a pad, the answer below it, a button that clears.
@main
struct DigitsApp: App {
    var body: some Scene {
        WindowGroup { DigitsView() }
    }
}

struct DigitsView: View {
    @State private var strokes: [[CGPoint]] = []
    @State private var answer = "Draw one digit."
    private let classifier = Result { try CoreMLClassifier() } // or LiteRTClassifier()

    var body: some View {
        VStack(spacing: 20) {
            DrawingPad(strokes: $strokes) { grey in answer = read(grey) }
                .aspectRatio(1, contentMode: .fit)
                .accessibilityLabel("Drawing area for one digit")
            Text(answer).font(.title2)
            Button("Clear") {
                strokes = []
                answer = "Draw one digit."
            }
        }
        .padding()
    }

    /// The answer as a sentence; a model that is missing or another one is a sentence too.
    private func read(_ grey: [UInt8]) -> String {
        do {
            guard let image = try center(grey, side: DrawingPad.side) else { return "Draw one digit." }
            let probabilities = softmax(try classifier.get().logits(of: image))
            let digit = probabilities.indices.max { probabilities[$0] < probabilities[$1] }!
            return "\(digit), probability \(Int((100 * probabilities[digit]).rounded())) of 100"
        } catch is BrightPaper {
            return "More than half of the pad is ink: clear it and draw one digit."
        } catch {
            return "The app has no usable model: add it to the target and build again (\(error.localizedDescription))"
        }
    }
}

/// What the screen needs of a model: ten logits for 28 * 28 grey values from 0 to 255.
protocol Classifier {
    func logits(of grey: [UInt8]) throws -> [Float]
}

enum ModelError: LocalizedError {
    case missing(String)
    case otherShape(String)

    var errorDescription: String? {
        switch self {
        case .missing(let file): return "\(file) is not in the app"
        case .otherShape(let what): return "the model's \(what) has another shape"
        }
    }
}

func softmax(_ logits: [Float]) -> [Float] {
    let largest = logits.max() ?? 0
    let powers = logits.map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
}
