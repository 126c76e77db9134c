import CoreGraphics
import Foundation
import MediaPipeTasksVision
import UIKit

/// The int8 model with MediaPipe, on the CPU. The file tells it the labels.
actor Classifier {
    private let task: ImageClassifier
    private let framing: Framing

    /// MediaPipe scales pictures itself, but without their proportions, and skips pixels where it
    /// makes them smaller: so they are framed before.
    init(bundle: Bundle = .main) throws {
        framing = try Framing(bundle: bundle)
        let model = bundle.path(forResource: "model_int8.tflite", ofType: nil)!
        task = try ImageClassifier(modelPath: model)
    }

    /// Labels and their probabilities, the most probable first.
    func classify(_ image: CGImage) throws -> [(label: String, score: Float)] {
        let picture = UIImage(cgImage: framing.apply(image))
        let answer = try task.classify(image: MPImage(uiImage: picture)).classificationResult
        return answer.classifications[0].categories.map {
            (label: $0.categoryName ?? "", score: $0.score)
        }
    }
}
