package example.resnet

import android.content.Context
import android.graphics.Bitmap
import com.google.mediapipe.framework.image.BitmapImageBuilder
import com.google.mediapipe.tasks.vision.imageclassifier.ImageClassifier

/**
 * The int8 model with MediaPipe, on the CPU. The file tells it the labels.
 *
 * MediaPipe scales pictures itself, but without their proportions, and skips pixels where it makes
 * them smaller: so they are framed before.
 */
class MediaPipeClassifier(context: Context) : Classifier {
    private val task = ImageClassifier.createFromFile(context, "model_int8.tflite")
    private val framing = Framing(context.assets)

    override fun classify(picture: Bitmap): List<Pair<String, Float>> {
        val image = BitmapImageBuilder(framing.apply(picture)).build()
        val answer = task.classify(image).classificationResult().classifications().first()
        return answer.categories().map { it.categoryName() to it.score() }
    }

    override fun close() = task.close()
}
