import CoreGraphics
import Foundation
import ImageIO

/// Upright, as the camera was held, and not too large to be shown.
func decode(_ data: Data) -> CGImage? {
    let options: [CFString: Any] = [
        kCGImageSourceCreateThumbnailFromImageAlways: true,
        kCGImageSourceCreateThumbnailWithTransform: true,
        kCGImageSourceThumbnailMaxPixelSize: 1024,
    ]
    guard let source = CGImageSourceCreateWithData(data as CFData, nil) else { return nil }
    return CGImageSourceCreateThumbnailAtIndex(source, 0, options as CFDictionary)
}

extension CGImage {
    /// The largest part in the middle with the proportions of a size, which training sees, too.
    func middle(width: Int, height: Int) -> CGImage {
        let scale = min(
            Double(self.width) / Double(width), Double(self.height) / Double(height))
        let columns = Int((Double(width) * scale).rounded())
        let rows = Int((Double(height) * scale).rounded())
        let left = (self.width - columns) / 2
        let top = (self.height - rows) / 2
        return cropping(to: CGRect(x: left, y: top, width: columns, height: rows))!
    }

    /// That part in a size, in rows of RGBA bytes.
    func shrunk(width: Int, height: Int) -> CGImage {
        let context = CGContext(
            data: nil, width: width, height: height, bitsPerComponent: 8, bytesPerRow: 4 * width,
            space: CGColorSpace(name: CGColorSpace.sRGB)!,
            bitmapInfo: CGImageAlphaInfo.premultipliedLast.rawValue)!
        context.interpolationQuality = .high
        let part = middle(width: width, height: height)
        context.draw(part, in: CGRect(x: 0, y: 0, width: width, height: height))
        return context.makeImage()!
    }
}
