import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from keras_resnet import InputError, ResNet, cifar, export
from keras_resnet.export.files import EXACT, FORMAT_FILES

# Noise of different colors.
DRAW = np.random.default_rng(0)
IMAGES = (DRAW.integers(0, 256, (103, 32, 32, 3)) * DRAW.random((103, 1, 1, 3))).astype("uint8")


@pytest.fixture(scope="module", params=["original", "full_preact"])
def delivered(request, tmp_path_factory):
    """A model with statistics that are not trivial, and the folder it was saved to."""
    keras.utils.set_random_seed(0)
    image = keras.Input((32, 32, 3), name="image")
    scaled = keras.layers.Rescaling(1 / 64, offset=-2)(image)
    model = ResNet(cifar(8, activation_order=request.param), input_tensor=scaled)
    draw = np.random.default_rng(1)
    model.set_weights(
        [w + draw.uniform(0, 0.3, w.shape) if w.ndim == 1 else w for w in model.get_weights()]
    )
    folder = tmp_path_factory.mktemp("delivered") / "new"
    export.save(model, folder)
    return model, folder


@pytest.mark.parametrize("name", EXACT)
def test_every_exact_format_gives_the_models_probabilities(delivered, name):
    model, folder = delivered
    predict = export.load(folder, name)
    expected = model.predict_on_batch(IMAGES.astype("float32"))
    assert expected.std(0).max() > 1e-3  # the model does look at its images
    np.testing.assert_allclose(predict(IMAGES), expected, atol=1e-5)
    np.testing.assert_array_equal(predict(IMAGES), predict(IMAGES.astype("float32")))


def test_nothing_but_these_formats_is_left(delivered):
    assert {entry.name for entry in delivered[1].iterdir()} == {
        FORMAT_FILES[name] for name in EXACT
    }


def test_the_phone_file_takes_one_float_image_and_needs_only_builtins(delivered):
    interpreter = Interpreter(str(delivered[1] / "model.tflite"))
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (list(source["shape"]), source["dtype"]) == ([1, 32, 32, 3], np.float32)
    assert (list(result["shape"]), result["dtype"]) == ([1, 10], np.float32)
    operations = {row["op_name"] for row in interpreter._get_ops_details()}
    assert "CONV_2D" in operations
    assert not [name for name in operations if "Flex" in name or "CUSTOM" in name]


def test_other_clients_locate_one_float_signature(delivered):
    served = tf.saved_model.load(str(delivered[1] / "saved_model")).signatures["serving_default"]
    (source,) = served.structured_input_signature[1].values()
    assert (source.name, source.shape.as_list(), source.dtype) == (
        "image", [None, 32, 32, 3], tf.float32,
    )  # fmt: skip
    ((name, probabilities),) = served(image=tf.zeros((3, 32, 32, 3))).items()
    assert (name, probabilities.shape.as_list()) == ("output_0", [3, 10])


def test_every_format_has_the_name_of_its_file():
    assert export.FORMATS.keys() == FORMAT_FILES.keys()
    assert len({*FORMAT_FILES.values()}) == len(FORMAT_FILES)


def test_a_damaged_file_is_named(tmp_path):
    for file in FORMAT_FILES.values():
        (tmp_path / file).write_bytes(b"not a model")
    for name, file in FORMAT_FILES.items():
        with pytest.raises(InputError, match=rf"cannot read .*{file} \("):
            export.load(tmp_path, name)


def test_a_file_of_which_a_part_is_missing_is_named(tmp_path):
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, keras.layers.Dense(4, "softmax")(x))
    export.save(model, tmp_path, ["keras", "saved_model", "float32"])
    parts = {
        "keras": ["model.keras"],
        "float32": ["model.tflite"],
        "saved_model": [
            "saved_model/saved_model.pb",
            "saved_model/variables/variables.index",
            "saved_model/variables/variables.data-00000-of-00001",
        ],
    }
    for name, files in parts.items():
        for file in files:
            whole = (tmp_path / file).read_bytes()
            for size in (0, len(whole) // 2):
                (tmp_path / file).write_bytes(whole[:size])
                with pytest.raises(InputError, match=r"cannot read .*model.* \(") as caught:
                    export.load(tmp_path, name)
                assert "ound" not in str(caught.value), "it is there"
                assert "\n" not in str(caught.value)
            (tmp_path / file).write_bytes(whole)
    with pytest.raises(InputError, match=r"cannot predict with .*model\.tflite"):
        export.load(tmp_path, "float32")(np.zeros((1, 9, 9, 3), "uint8"))


@pytest.mark.parametrize("delivered", ["full_preact"], indirect=True)
def test_the_keras_file_loads_where_this_package_is_not(delivered, tmp_path):
    code = (
        "import sys, keras; sys.modules['keras_resnet'] = None;"
        f"model = keras.saving.load_model({str(delivered[1] / 'model.keras')!r}, safe_mode=True);"
        "print(model.count_params())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ, capture_output=True, text=True
    )
    assert done.stdout.strip() == "75770", done.stderr


def test_half_precision_is_refused(tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = ResNet(cifar(8))
    finally:
        keras.config.set_dtype_policy(before)
    with pytest.raises(InputError, match="'conv1_conv' computes in bfloat16"):
        export.save(model, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_loading_what_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"no .*model\.tflite: is .* the folder of a finished run"):
        export.load(tmp_path, "float32")
    with pytest.raises(InputError, match="did you mean 'float32'"):
        export.load(tmp_path, "float3")
