package example.resnet

import android.graphics.Bitmap
import android.graphics.ImageDecoder
import android.net.Uri
import android.os.Bundle
import android.widget.Button
import android.widget.ImageView
import android.widget.TextView
import androidx.activity.ComponentActivity
import androidx.activity.result.PickVisualMediaRequest
import androidx.activity.result.contract.ActivityResultContracts.PickVisualMedia
import java.util.concurrent.Executors
import kotlin.math.max
import kotlin.math.min

/** Shows a picture from the gallery, and what the network takes it for. */
class MainActivity : ComponentActivity() {
    private val worker = Executors.newSingleThreadExecutor()  // the only one to use the classifier
    private lateinit var classifier: Classifier

    private val pick = registerForActivityResult(PickVisualMedia()) { uri -> uri?.let(::show) }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.main)
        // or MediaPipeClassifier(applicationContext)
        worker.execute { classifier = LiteRtClassifier(assets) }
        findViewById<Button>(R.id.pick).setOnClickListener {
            pick.launch(PickVisualMediaRequest(PickVisualMedia.ImageOnly))
        }
    }

    override fun onDestroy() {
        super.onDestroy()
        worker.execute { classifier.close() }
        worker.shutdown()
    }

    private fun show(uri: Uri) = worker.execute {
        val picture = decode(uri)
        val best = classifier.classify(picture).take(3)
        val answer = best.joinToString("\n") { (label, p) -> "%s %.1f %%".format(label, 100 * p) }
        runOnUiThread {
            findViewById<ImageView>(R.id.picture).setImageBitmap(picture)
            findViewById<TextView>(R.id.answer).text = answer
        }
    }

    /** Upright, with pixels that can be read, and not too large to be shown. */
    private fun decode(uri: Uri): Bitmap {
        val source = ImageDecoder.createSource(contentResolver, uri)
        return ImageDecoder.decodeBitmap(source) { decoder, info, _ ->
            decoder.allocator = ImageDecoder.ALLOCATOR_SOFTWARE
            decoder.setTargetSampleSize(max(1, min(info.size.width, info.size.height) / 1024))
        }
    }
}
