package example.resnet

import android.content.res.AssetManager
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import kotlin.math.max
import kotlin.math.min
import kotlin.math.round
import org.json.JSONObject

/** How a picture of any size becomes the network's: as in training, by the `framing.json` of the run. */
class Framing(assets: AssetManager) {
    private val content = JSONObject(assets.open("framing.json").bufferedReader().use { it.readText() })
    private val width = content.getInt("width")
    private val height = content.getInt("height")
    private val resize = content.getString("resize")
    private val ratio = content.getDouble("crop_ratio")

    /** What is seen of a picture, on black, which is also behind what is transparent. */
    fun apply(picture: Bitmap): Bitmap {
        val across = picture.width / width.toDouble()
        val down = picture.height / height.toDouble()
        var (seen, place) = Size(picture.width, picture.height) to Size(width, height)
        if (resize == "pad") {
            val scale = max(across, down)
            place = Size(picture.width / scale, picture.height / scale)
        } else if (resize == "crop") {
            val scale = min(across, down) * ratio
            seen = Size(width * scale, height * scale)
        }
        val (left, top) = (picture.width - seen.width) / 2 to (picture.height - seen.height) / 2
        val part = Bitmap.createBitmap(picture, left, top, seen.width, seen.height)
        val image = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888)
        image.eraseColor(Color.BLACK)
        val (x, y) = (width - place.width) / 2 to (height - place.height) / 2
        Canvas(image).drawBitmap(part.scaled(place), x.toFloat(), y.toFloat(), null)
        return image
    }

    private class Size(val width: Int, val height: Int) {
        /** In whole pixels: halves are rounded to even numbers, as in training. */
        constructor(width: Double, height: Double) :
            this(max(1, round(width).toInt()), max(1, round(height).toInt()))
    }

    /** In a size, in halves: scaled down at once, most pixels of a photo would not count. */
    private fun Bitmap.scaled(size: Size): Bitmap {
        var image = this
        while (image.width > size.width || image.height > size.height) {
            val half = Pair(max(size.width, image.width / 2), max(size.height, image.height / 2))
            image = Bitmap.createScaledBitmap(image, half.first, half.second, true)
        }
        return Bitmap.createScaledBitmap(image, size.width, size.height, true)
    }
}
