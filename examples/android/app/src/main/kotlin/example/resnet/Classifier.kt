package example.resnet

import android.graphics.Bitmap

/** Says what a picture shows. */
interface Classifier : AutoCloseable {
    /** Labels and their probabilities, the most probable first. */
    fun classify(picture: Bitmap): List<Pair<String, Float>>
}
