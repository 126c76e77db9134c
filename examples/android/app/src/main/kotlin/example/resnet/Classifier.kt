package example.resnet

import android.graphics.Bitmap
import kotlin.math.max
import kotlin.math.min
import kotlin.math.roundToInt

/** Says what a picture shows. */
interface Classifier : AutoCloseable {
    /** Labels and their probabilities, the most probable first. */
    fun classify(picture: Bitmap): List<Pair<String, Float>>
}

/** The largest part in the middle with the proportions of a size, which training sees, too. */
fun Bitmap.middle(width: Int, height: Int): Bitmap {
    val scale = min(this.width / width.toFloat(), this.height / height.toFloat())
    val columns = (width * scale).roundToInt()
    val rows = (height * scale).roundToInt()
    return Bitmap.createBitmap(this, (this.width - columns) / 2, (this.height - rows) / 2, columns, rows)
}

/** That part in a size, in halves: scaled down at once, most pixels of a photo would not count. */
fun Bitmap.shrunk(width: Int, height: Int): Bitmap {
    var image = middle(width, height)
    while (image.width > width || image.height > height) {
        val half = Pair(max(width, image.width / 2), max(height, image.height / 2))
        image = Bitmap.createScaledBitmap(image, half.first, half.second, true)
    }
    return Bitmap.createScaledBitmap(image, width, height, true)
}
