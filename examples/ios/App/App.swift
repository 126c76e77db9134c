import PhotosUI
import SwiftUI

private let classifier = Result { try Classifier() }

@main
struct ResNetApp: App {
    var body: some Scene {
        WindowGroup { ContentView() }
    }
}

/// Shows a picture from the gallery, and what the network takes it for.
struct ContentView: View {
    @State private var choice: PhotosPickerItem?
    @State private var picture: CGImage?
    @State private var answer = ""

    var body: some View {
        VStack {
            if let picture {
                Image(decorative: picture, scale: 1).resizable().scaledToFit()
            }
            Text(answer).font(.title3)
            PhotosPicker("Pick a picture", selection: $choice, matching: .images)
        }
        .padding()
        .task(id: choice) { await show() }
    }

    private func show() async {
        do {
            guard let data = try await choice?.loadTransferable(type: Data.self) else { return }
            guard let image = decode(data) else { return }
            picture = image
            let best = try await classifier.get().classify(image).prefix(3)
            answer = best.map { "\($0.label) \(percent($0.score))" }.joined(separator: "\n")
        } catch {
            answer = error.localizedDescription
        }
    }

    private func percent(_ score: Float) -> String {
        score.formatted(.percent.precision(.fractionLength(1)))
    }
}
