package example.resnet

import android.content.res.AssetManager
import android.graphics.Bitmap
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel

/** The float32 model with LiteRT, on the GPU as far as there is one, else on the CPU. */
class LiteRtClassifier(assets: AssetManager) : Classifier {
    private val labels = assets.open("labels.txt").bufferedReader().use { it.readLines() }
    private val model = CompiledModel.create(
        assets,
        "model.tflite",
        CompiledModel.Options(Accelerator.GPU, Accelerator.CPU),
    )
    private val framing = Framing(assets)
    private val inputs = model.createInputBuffers()
    private val outputs = model.createOutputBuffers()

    override fun classify(picture: Bitmap): List<Pair<String, Float>> {
        inputs[0].writeFloat(rgb(framing.apply(picture)))
        model.run(inputs, outputs)
        return labels.zip(outputs[0].readFloat().toList()).sortedByDescending { it.second }
    }

    override fun close() {
        (inputs + outputs + model).forEach(AutoCloseable::close)
    }

    /** Red, green and blue, 0 to 255, of one pixel after the other. */
    private fun rgb(image: Bitmap): FloatArray {
        val colors = IntArray(image.width * image.height)
        image.getPixels(colors, 0, image.width, 0, 0, image.width, image.height)
        return FloatArray(3 * colors.size) {
            val shift = 16 - 8 * (it % 3)
            (colors[it / 3] shr shift and 0xFF).toFloat()
        }
    }
}
