import javax.inject.Inject

plugins {
    id("com.android.application") version "9.4.0"
}

android {
    namespace = "example.resnet"
    compileSdk = 36

    defaultConfig {
        applicationId = "example.resnet"
        minSdk = 28  // LiteRT needs 24; ImageDecoder, which turns photos upright, 28.
        targetSdk = 36
    }
}

dependencies {
    implementation("androidx.activity:activity:1.13.0")
    implementation("com.google.ai.edge.litert:litert:2.3.2")
    implementation("com.google.ai.edge.litert:litert-gpu:2.3.2")  // without it: silently the CPU
    implementation("com.google.mediapipe:tasks-vision:1.1.0")
}

/** Makes files of a run the assets of the app. */
abstract class CopyRun : DefaultTask() {
    @get:InputFiles abstract val files: ConfigurableFileCollection
    @get:OutputDirectory abstract val assets: DirectoryProperty
    @get:Inject abstract val system: FileSystemOperations

    @TaskAction
    fun copy() {
        files.firstOrNull { !it.exists() }?.let {
            throw GradleException("No $it: `python -m train.export --run=${it.parent}` first.")
        }
        system.sync {
            from(files)
            into(assets)
        }
    }
}

val copyRun = tasks.register<CopyRun>("copyRun") {
    val name = providers.gradleProperty("run").get()
    val folder = rootDir.resolve("../../saved_models/$name").normalize()
    val names = listOf("model.tflite", "model_int8.tflite", "labels.txt", "framing.json")
    files.from(names.map(folder::resolve))
}

androidComponents {
    onVariants { it.sources.assets?.addGeneratedSourceDirectory(copyRun, CopyRun::assets) }
}
