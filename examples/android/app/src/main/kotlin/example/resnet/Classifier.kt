package example.resnet

import android.graphics.Bitmap
import kotlin.math.max

/** Says what a picture shows. */
interface Classifier : AutoCloseable {
    /** Labels and their probabilities, the most probable first. */
    fun classify(picture: Bitmap): List<Pair<String, Float>>
}

/** Stretched to a size, in halves: scaled down at once, most pixels of a photo would not count. */
fun Bitmap.shrunk(width: Int, height: Int): Bitmap {
    var image = this
    while (image.width > width || image.height > height) {
        val half = Pair(max(width, image.width / 2), max(height, image.height / 2))
        image = Bitmap.createScaledBitmap(image, half.first, half.second, true)
    }
    return Bitmap.createScaledBitmap(image, width, height, true)
}
