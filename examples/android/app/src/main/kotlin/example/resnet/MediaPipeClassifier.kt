package example.resnet

import android.content.Context
import android.graphics.Bitmap
import com.google.mediapipe.framework.image.BitmapImageBuilder
import com.google.mediapipe.tasks.vision.imageclassifier.ImageClassifier

/**
 * The int8 model with MediaPipe, on the CPU. The file tells it the labels.
 *
 * MediaPipe scales pictures itself, but skips pixels where it makes them smaller, so they are
 * shrunk before, to [side], that of the images the network was trained on.
 */
class MediaPipeClassifier(context: Context, private val side: Int) : Classifier {
    private val task = ImageClassifier.createFromFile(context, "model_int8.tflite")

    override fun classify(picture: Bitmap): List<Pair<String, Float>> {
        val image = BitmapImageBuilder(picture.shrunk(side, side)).build()
        val answer = task.classify(image).classificationResult().classifications().first()
        return answer.categories().map { it.categoryName() to it.score() }
    }

    override fun close() = task.close()
}
