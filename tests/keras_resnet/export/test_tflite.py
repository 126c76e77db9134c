"""The files for phones: exact where they can be, near where they are quantized, and plain."""

import re
import warnings
from functools import cache
from hashlib import sha256
from zipfile import ZipFile

import keras
import numpy as np
import pytest
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.interpreter import Interpreter

from keras_resnet import InputError, ResNet, ResNet8, ResNet18V2, cifar, export
from keras_resnet.export import ModelCard, tflite
from keras_resnet.export.files import FORMAT_FILES, QUANTIZED, QUANTIZERS
from keras_resnet.export.fold import fold
from keras_resnet.imagenet_utils import MODES, preprocess_input
from tests.networks import vary

DRAW = np.random.default_rng(0)
# Noise of different colors.
IMAGES = (DRAW.integers(0, 256, (60, 32, 32, 3)) * DRAW.random((60, 1, 1, 3))).astype("uint8")
CALIBRATION, TEST = IMAGES[:20], IMAGES[40:]
# How far probabilities may be from the Keras model's.
NEAR = {"float32": 1e-5, "float16": 5e-3, "dynamic": 0.05, "int8": 0.1, "int16x8": 0.08}
LABELS = tuple("abcdefghij")


def classifier(order):
    image = keras.Input((32, 32, 3), name="image")
    normal = keras.layers.Normalization(mean=(90, 90, 90), variance=(4000, 4000, 4000))(image)
    model = vary(ResNet(cifar(8, activation_order=order), input_tensor=normal))
    # A head that is sure of different classes for different images.
    features = keras.Model(model.inputs, model.get_layer("avg_pool").output)
    pooled = features.predict_on_batch(IMAGES.astype("float32"))
    kernel, _ = model.get_layer("predictions").get_weights()
    kernel = kernel / (pooled @ kernel).std(0)
    model.get_layer("predictions").set_weights([kernel, -pooled.mean(0) @ kernel])
    return model


ORDERS = ["original", "full_preact"]
ROWS = pytest.mark.parametrize(
    ("delivered", "name"),
    [
        # Of the second network, two formats tell whether it is folded as it should be.
        pytest.param(order, name, marks=pytest.mark.slow if later else ())
        for order in ORDERS
        for name in tflite.CONVERSIONS
        for later in [order == "full_preact" and name not in ("float32", "int8")]
    ],
    indirect=["delivered"],
)
BOTH = pytest.mark.parametrize("delivered", ORDERS, indirect=True)
ONE = pytest.mark.parametrize("delivered", ORDERS[:1], indirect=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """By activation order, a model, and a function of a format to its file: each is made once.

    No parameter of a fixture: beside one that is none, as in `ROWS`, pytest ends it with the test.
    """

    @cache
    def make(order):
        keras.utils.set_random_seed(0)
        model, folder = classifier(order), tmp_path_factory.mktemp("phone")

        @cache
        def file(name):
            export.save(model, folder, [name], ModelCard(labels=LABELS), CALIBRATION)
            return path(folder, name)

        return model, file

    return make


@pytest.fixture
def delivered(request, made):
    """A model, and a function of a format to its file, which is written when first asked for."""
    return made(request.param)


def path(folder, name):
    return folder / FORMAT_FILES[name]


@ROWS
def test_probabilities_are_near_the_models(delivered, name):
    model, file = delivered
    expected = model.predict_on_batch(TEST.astype("float32"))
    assert expected.std(0).max() > 0.05  # the model does look at its images
    predict = export.load(file(name).parent, name)
    np.testing.assert_allclose(predict(TEST), expected, atol=NEAR[name])
    np.testing.assert_array_equal(predict(TEST), predict(TEST.astype("float32")))
    assert predict(TEST).dtype == np.float32


@ROWS
def test_one_image_at_a_time_and_builtin_operations_only(delivered, name):
    interpreter = Interpreter(str(delivered[1](name)))
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert list(source["shape"]) == [1, 32, 32, 3]
    assert list(result["shape"]) == [1, 10]
    kinds = {source["dtype"], result["dtype"]}
    assert kinds == ({np.uint8} if name == "int8" else {np.float32})
    assert list(interpreter.get_signature_list()) == ["serving_default"]
    names = {row["op_name"] for row in interpreter._get_ops_details()}
    assert not [op for op in names if "Flex" in op or "CUSTOM" in op]


@BOTH
def test_int8_takes_raw_bytes_and_gives_parts_of_256(delivered):
    interpreter = Interpreter(str(delivered[1]("int8")))
    assert interpreter.get_input_details()[0]["quantization"] == (1.0, 0)
    assert interpreter.get_output_details()[0]["quantization"] == (1 / 256, 0)


@BOTH
def test_int8_kernels_have_a_scale_for_each_channel(delivered):
    interpreter = Interpreter(str(delivered[1]("int8")))
    kernels = [
        tensor
        for tensor in interpreter.get_tensor_details()
        if tensor["dtype"] == np.int8 and len(tensor["shape"]) == 4 and tensor["shape"][1] == 3
    ]
    assert len(kernels) == 7
    for kernel in kernels:
        assert len(kernel["quantization_parameters"]["scales"]) == kernel["shape"][0]


@pytest.mark.parametrize(
    ("delivered", "name"),
    [("original", "float32"), ("original", "float16"), ("original", "dynamic"),
     ("full_preact", "float32")],
    indirect=["delivered"],
)  # fmt: skip
def test_phones_processors_compute_all_of_it_fast(delivered, name):
    assert CompiledModel.from_file(str(delivered[1](name))).is_fully_accelerated()


def test_what_a_quantizer_writes_is_what_conversions_quantize():
    assert tuple(name for name, row in tflite.CONVERSIONS.items() if row.recipe) == QUANTIZED


@ONE
def test_sizes_fall_as_they_should(delivered):
    model, file = delivered
    bytes_ = {name: file(name).stat().st_size for name in tflite.CONVERSIONS}
    assert bytes_["float32"] > 1.8 * bytes_["float16"] > 3 * bytes_["int8"]
    assert bytes_["float32"] < 4 * model.count_params() + 20_000


@ONE
def test_every_file_has_its_labels_and_its_checksum(delivered):
    for name in tflite.CONVERSIONS:
        file = delivered[1](name)
        with ZipFile(file) as archive:
            assert tuple(archive.read("labels.txt").decode().splitlines()) == LABELS
            assert archive.comment == sha256(file.read_bytes()[:-64]).hexdigest().encode()


NEWER = [("int8", np.int8), ("dynamic", np.float32), ("int16x8", np.float32)]


@pytest.mark.parametrize(("name", "kind"), NEWER)
def test_the_newer_quantizer_is_near_too(tmp_path, name, kind):
    model, images = (classifier("original"), IMAGES) if name == "int8" else (tiny(), TILES)
    export.save(model, tmp_path, [name], calibration=images[:20], quantizer="litert")
    interpreter = Interpreter(str(path(tmp_path, name)))
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert {source["dtype"], result["dtype"]} == {kind}
    if name == "int8":
        assert (source["quantization"], result["quantization"]) == ((1, -128), (1 / 256, -128))
        # It writes large weights behind the tables, where no table that is written anew looks.
        assert path(tmp_path, name).stat().st_size > model.count_params()
    expected = model.predict_on_batch(images[40:].astype("float32"))
    near = {"int8": 0.3, "dynamic": 0.03, "int16x8": 0.1}[name]
    np.testing.assert_allclose(export.load(tmp_path, name)(images[40:]), expected, atol=near)


def tiny(prepare=lambda image: image, activation="softmax", classes=4, size=(8, 8)):
    """A classifier in three layers, the colors of whose images decide."""
    image = keras.Input((*size, 3), name="image")
    x = keras.layers.Conv2D(8, 3, activation="relu")(prepare(image))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(classes, activation)(x))
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel / 40, bias])
    return model


TILES = np.ascontiguousarray(IMAGES[:, :8, :8])


@pytest.mark.parametrize(
    ("quantizer", "mode"),
    [
        # How images are prepared is folded before any quantizer sees the network.
        pytest.param(quantizer, mode, marks=pytest.mark.slow if later else ())
        for quantizer in QUANTIZERS
        for mode in MODES
        for later in [quantizer == "litert" and mode not in ("caffe", "tf")]
    ],
)
def test_bytes_are_pixels_however_images_are_prepared(tmp_path, quantizer, mode):
    """As an app sends them, without a look at scale and zero point."""
    model = tiny(lambda image: preprocess_input(image, mode=mode))
    if mode in ("tf", "torch", "cifar10"):  # whose images are smaller numbers
        model.layers[-1].set_weights([w * 60 for w in model.layers[-1].get_weights()])
    export.save(model, tmp_path, ["int8"], calibration=TILES[:20], quantizer=quantizer)
    interpreter = Interpreter(str(path(tmp_path, "int8")))
    interpreter.allocate_tensors()
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    sign = {np.uint8: 0, np.int8: 128}[source["dtype"]]
    answers = []
    for image in TILES[20:40]:
        interpreter.set_tensor(
            source["index"], (image[None].astype(int) - sign).astype(source["dtype"])
        )
        interpreter.invoke()
        answers.append((interpreter.get_tensor(result["index"])[0].astype(int) + sign) / 256)
    expected = model.predict_on_batch(TILES[20:40].astype("float32"))
    assert expected.std(0).max() > 0.05  # the model does look at its images
    near = {"converter": 0.06, "litert": 0.35}[quantizer]  # litert cuts the brightest images off
    np.testing.assert_allclose(answers, expected, atol=near)
    np.testing.assert_allclose(export.load(tmp_path, "int8")(TILES[20:40]), answers, atol=1e-6)


def test_a_file_whose_bytes_are_no_pixels_is_refused(tmp_path):
    """TFLite gives pooling and what comes before it one scale, that of prepared images."""
    model = tiny(lambda image: keras.layers.MaxPooling2D()(preprocess_input(image)))
    refuse(tmp_path, model, "input of int8 is uint8 of scale 1.4.* zero point .*: prepare images",
           formats=["int8"], calibration=TILES)  # fmt: skip
    export.save(model, tmp_path, ["float32"])  # as floats are floats


@pytest.mark.parametrize("classes", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_classes_that_do_not_exclude_each_other(tmp_path, classes):
    model = tiny(activation="sigmoid", classes=classes)
    card = ModelCard(labels=tuple("abc"[:classes]))
    formats = ["keras", "saved_model", "float32", "int8"]
    export.save(model, tmp_path, formats, card, TILES[:20])
    expected = model.predict_on_batch(TILES[20:].astype("float32"))
    assert expected.std(0).max() > 0.05
    for name in formats:
        near = 0.05 if name == "int8" else 1e-5
        np.testing.assert_allclose(export.load(tmp_path, name)(TILES[20:]), expected, atol=near)
    said = export.read_metadata(path(tmp_path, "int8"))
    assert tuple(said["labels"]) == card.labels
    (score,) = said["subgraph_metadata"][0]["output_tensor_metadata"]
    assert (
        score["description"] == "The probability of each class, whatever those of the others are."
    )


def test_outputs_that_cannot_be_are_refused_with_the_way_round(tmp_path):
    logits = tiny(activation=None)
    refuse(tmp_path, logits, "int8 file are probabilities: end it in softmax", formats=["int8"])
    ended = keras.Model(logits.inputs, keras.layers.Softmax()(logits.outputs[0]))
    export.save(ended, tmp_path, ["int8"], calibration=TILES[:20])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "You are using a softmax over axis", UserWarning)
        refuse(tmp_path, tiny(classes=1), "1 for every image: .*'sigmoid'", formats=["keras"])
    broken = tiny()
    broken.layers[1].set_weights([w * np.nan for w in broken.layers[1].get_weights()])
    refuse(tmp_path, broken, "weight 'conv2d.*/kernel' is NaN", formats=["keras"])


def test_images_of_any_size(tmp_path):
    model = tiny(size=(None, None))
    export.save(model, tmp_path, ["keras", "saved_model"])
    large = IMAGES[:3, :24, :16]
    expected = model.predict_on_batch(large.astype("float32"))
    for name in ("keras", "saved_model"):
        np.testing.assert_allclose(export.load(tmp_path, name)(large), expected, atol=1e-5)
    refuse(tmp_path, model, r"\(None, None, 3\), .* give image_size=\(height, width\)")
    refuse(tmp_path, model, "image_size must be", image_size=(0, 8))
    refuse(tmp_path, model, "image_size must be", image_size=8)
    refuse(tmp_path, model, r"cannot compute images of \(2, 2, 3\)", image_size=(2, 2))
    refuse(tmp_path, tiny(), r"image_size is \(8, 9\), .* \(8, 8\): leave it", image_size=(8, 9))
    export.save(model, tmp_path, ["float32"], image_size=(24, 16))
    np.testing.assert_allclose(export.load(tmp_path, "float32")(large), expected, atol=1e-5)


NOT_RAW = {
    "0 to 0.9": TILES / 255,
    "-1 to ": TILES / 127.5 - 1,
    "nan to nan": np.where(TILES > 200, np.nan, TILES),
    "7 to 7": np.full_like(TILES, 7),
    "0 to 50.": TILES * 2.0,
    "array of object": TILES.astype(object),
    "array of bool": TILES > 100,
    "array of complex": TILES * 1j,
    "array of <U": "a folder",
}


def test_images_to_calibrate_with_are_raw(tmp_path):
    model = tiny()
    for message, images in NOT_RAW.items():
        refuse(tmp_path, model, f"images to calibrate with .*{message}", calibration=images)


@pytest.mark.slow  # test_fold.py: the networks; above: the files
def test_networks_for_photographs(tmp_path):
    image = keras.Input((64, 64, 3), name="image")
    prepared = ResNet18V2.preprocess_input(image)
    model = ResNet18V2(input_tensor=prepared, classes=5, blocks=(1, 1, 1, 1), width_multiplier=0.5)
    photos = DRAW.integers(0, 256, (4, 64, 64, 3)).astype("uint8")
    export.save(model, tmp_path, ["float32", "int8"], calibration=photos)
    expected = model.predict_on_batch(photos.astype("float32"))
    np.testing.assert_allclose(export.load(tmp_path, "float32")(photos), expected, atol=1e-5)
    assert path(tmp_path, "int8").stat().st_size < 0.3 * path(tmp_path, "float32").stat().st_size


def refuse(folder, model, message, **settings):
    with pytest.raises(InputError, match=message):
        export.save(model, folder / "new", **{"formats": ["float32", "int8"], **settings})
    left = list((folder / "new").iterdir()) if (folder / "new").exists() else []
    assert not left


def test_what_cannot_be_exported_is_named(tmp_path):
    model = ResNet8()
    refuse(tmp_path, model, "int8 needs images to calibrate with")
    for shape in ((2, 8, 8, 3), (2, 32, 32), (2, 32, 32, 3, 1)):
        message = rf"are {re.escape(str(shape))}: give \(n, height, .* of these \(32, 32, 3\)"
        refuse(tmp_path, model, message, calibration=np.zeros(shape))
    refuse(tmp_path, model, "3 labels, .* for 10 classes", card=ModelCard(labels=("a", "b", "c")))
    refuse(tmp_path, model, "10 labels, 9 of them names of one line",
           card=ModelCard(labels=("a\nb", *"cdefghijk")))  # fmt: skip
    refuse(tmp_path, "model", "'model' is not a functional keras.Model")
    refuse(
        tmp_path, model, "unknown format 'int9': did you mean 'int8'", formats=["float32", "int9"]
    )
    refuse(tmp_path, model, "formats must be a list of names; got 'int8'", formats="int8")
    refuse(tmp_path, model, "unknown quantizer 'liter'", quantizer="liter", calibration=IMAGES)
    refuse(tmp_path, ResNet8(include_top=False), "a classifier of images takes")
    refuse(tmp_path, ResNet8(classifier_activation=None), "gives logits.*softmax")


def test_an_operation_that_phones_lack_is_named(tmp_path):
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.GlobalAveragePooling2D()(keras.ops.erfinv(image / 300))
    model = keras.Model(image, keras.layers.Dense(4, "softmax")(x))
    refuse(tmp_path, model, r"tf\.Erfinv is not an operation", formats=["keras", "float32"])
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, activation="elu")(image))
    model = keras.Model(image, keras.layers.Dense(4, "softmax")(x))
    refuse(tmp_path, model, "ELU is not an operation that TFLite has in this format",
           formats=["float32", "int16x8"], calibration=IMAGES[:5, :8, :8])  # fmt: skip


@BOTH
def test_files_are_of_the_folded_network(delivered):
    model, file = delivered
    interpreter = Interpreter(str(file("float32")))
    names = [row["op_name"] for row in interpreter._get_ops_details()]
    convolutions = [la for la in fold(model).layers if "Conv2D" in type(la).__name__]
    assert sum("CONV" in name for name in names) == len(convolutions)
    assert not {"MUL", "SUB", "MAX_POOL_2D"} & {*names}
