import CoreGraphics
import Foundation

/// How a picture of any size becomes the network's: as in training, by the `framing.json` of the run.
struct Framing: Decodable {
    let width: Int
    let height: Int
    let resize: String
    let crop_ratio: Double

    init(bundle: Bundle) throws {
        let path = bundle.path(forResource: "framing.json", ofType: nil)!
        let content = try Data(contentsOf: URL(fileURLWithPath: path))
        self = try JSONDecoder().decode(Framing.self, from: content)
    }

    /// What is seen of a picture, in rows of RGBA bytes; the rest is black, and what is transparent.
    func apply(_ picture: CGImage) -> CGImage {
        let across = Double(picture.width) / Double(width)
        let down = Double(picture.height) / Double(height)
        var seen = (width: picture.width, height: picture.height)
        var place = (width: width, height: height)
        if resize == "pad" {
            let scale = max(across, down)
            place = pixels(Double(picture.width) / scale, Double(picture.height) / scale)
        } else if resize == "crop" {
            let scale = min(across, down) * crop_ratio
            seen = pixels(Double(width) * scale, Double(height) * scale)
        }
        let (left, top) = ((picture.width - seen.width) / 2, (picture.height - seen.height) / 2)
        let (x, y) = ((width - place.width) / 2, (height - place.height) / 2)
        let part = CGRect(x: left, y: top, width: seen.width, height: seen.height)
        let context = CGContext(
            data: nil, width: width, height: height, bitsPerComponent: 8, bytesPerRow: 4 * width,
            space: CGColorSpace(name: CGColorSpace.sRGB)!,
            bitmapInfo: CGImageAlphaInfo.premultipliedLast.rawValue)!
        context.interpolationQuality = .high
        let bottom = height - y - place.height  // from where Core Graphics counts rows
        let target = CGRect(x: x, y: bottom, width: place.width, height: place.height)
        context.draw(picture.cropping(to: part)!, in: target)
        return context.makeImage()!
    }

    /// Whole ones: halves are rounded to even numbers, as in training.
    private func pixels(_ width: Double, _ height: Double) -> (width: Int, height: Int) {
        let sides = [width, height].map { max(1, Int($0.rounded(.toNearestOrEven))) }
        return (sides[0], sides[1])
    }
}
