import CoreGraphics
import Foundation
import TensorFlowLite

/// The float32 model with LiteRT, on the Neural Engine, else the GPU, else the CPU.
actor Classifier {
    private let interpreter: Interpreter
    private let labels: [String]
    private let framing: Framing

    init(bundle: Bundle = .main) throws {
        let names = bundle.path(forResource: "labels.txt", ofType: nil)!
        labels = try String(contentsOfFile: names, encoding: .utf8)
            .split(separator: "\n").map(String.init)
        framing = try Framing(bundle: bundle)
        let model = bundle.path(forResource: "model.tflite", ofType: nil)!
        let delegate: Delegate = CoreMLDelegate() ?? MetalDelegate()
        interpreter = try (try? Interpreter(modelPath: model, delegates: [delegate]))
            ?? Interpreter(modelPath: model)
        try interpreter.allocateTensors()
    }

    /// Labels and their probabilities, the most probable first.
    func classify(_ image: CGImage) throws -> [(label: String, score: Float)] {
        try interpreter.copy(pixels(image), toInputAt: 0)
        try interpreter.invoke()
        let output = try interpreter.output(at: 0).data
        let scores = output.withUnsafeBytes { Array($0.bindMemory(to: Float32.self)) }
        return zip(labels, scores).map { (label: $0, score: $1) }.sorted { $0.score > $1.score }
    }

    /// Red, green and blue, 0 to 255, of one pixel after the other, as the bytes of floats.
    private func pixels(_ image: CGImage) -> Data {
        let rgba = framing.apply(image).dataProvider!.data! as Data
        let rgb = rgba.enumerated().filter { $0.offset % 4 < 3 }.map { Float32($0.element) }
        return rgb.withUnsafeBufferPointer { Data(buffer: $0) }
    }
}
