"""What a model is exported as: names of formats, files and quantizers. Standard library only."""

FORMAT_FILES = {  # by format: the name in the folder of a run
    "keras": "model.keras",
    "saved_model": "saved_model",
    "float32": "model.tflite",
    "float16": "model_float16.tflite",
    "dynamic": "model_dynamic.tflite",
    "int8": "model_int8.tflite",
    "int16x8": "model_int16x8.tflite",
    "onnx": "model.onnx",
}
TFLITE = ("float32", "float16", "dynamic", "int8", "int16x8")  # of these, `.tflite` files
OPTIONAL = ("onnx",)  # what needs an extra of this package is written only if asked for
EXACT = ("keras", "saved_model", "float32")  # their outputs are equal up to rounding
FRAMING = "framing.json"  # how images of any size get the network's
OUTPUTS = {  # of a classifier
    "softmax": "the probability of each class, of which one is right",
    "sigmoid": "the probability of each class, whatever those of the others are",
    "logits": "a number for each class, the larger the more probable",
}
CALIBRATED = ("int8", "int16x8")  # with ranges of activations that are measured
QUANTIZED = ("dynamic", *CALIBRATED)  # with weights of 8 bits
QUANTIZERS = {
    "converter": "TensorFlow's converter: bytes in, bytes out",
    "litert": "the package litert-quantizer: signed bytes in and out",
}
QUANTIZER = "converter"  # by default
