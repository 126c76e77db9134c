import os
import re
import subprocess
import sys
from shutil import copytree

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_resnet import InputError, ResNet, cifar, export
from keras_resnet.export.files import EXACT, FORMAT_FILES
from tests.networks import vary

# Noise of different colors.
DRAW = np.random.default_rng(0)
IMAGES = (DRAW.integers(0, 256, (103, 32, 32, 3)) * DRAW.random((103, 1, 1, 3))).astype("uint8")


@pytest.fixture(
    scope="module", params=["original", pytest.param("full_preact", marks=pytest.mark.slow)]
)
def delivered(request, tmp_path_factory):
    """A model with statistics that are not trivial, and the folder it was saved to."""
    keras.utils.set_random_seed(0)
    image = keras.Input((32, 32, 3), name="image")
    scaled = keras.layers.Rescaling(1 / 64, offset=-2)(image)
    model = vary(ResNet(cifar(8, activation_order=request.param), input_tensor=scaled))
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


def damaged(content, seed):
    """A file with flipped bits, a sector of zeros, or without its end."""
    draw, content = np.random.default_rng(seed), bytearray(content)
    place = int(draw.integers(len(content)))
    if seed % 8 == 0:
        return content[:place]
    if seed % 2:
        content[place] ^= 1 << int(draw.integers(8))
    else:
        content[place : place + 512] = draw.bytes(len(content[place : place + 512]))
    return content


FILES = ["model.keras", "model.tflite", "saved_model/saved_model.pb",
         "saved_model/variables/variables.index"]  # fmt: skip


@pytest.mark.parametrize("delivered", ["original"], indirect=True)
@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    "seeds", [range(8), pytest.param(range(8, 24), marks=pytest.mark.slow)], ids=["some", "more"]
)
def test_no_damage_is_taken_for_a_model(delivered, tmp_path, file, seeds):
    """LiteRT ends the process on some such files, and takes most flipped bits without a word."""
    name = {row.split("/")[0]: name for name, row in FORMAT_FILES.items()}[file.split("/")[0]]
    copytree(delivered[1], tmp_path / "run")
    content = (tmp_path / "run" / file).read_bytes()
    expected = export.load(delivered[1], name)(IMAGES[:2])
    for seed in seeds:
        (tmp_path / "run" / file).write_bytes(damaged(content, seed))
        try:
            predict = export.load(tmp_path / "run", name)
        except InputError as error:
            assert re.fullmatch(r"cannot read .* \(.*\): train or export again\.", str(error))
        else:  # a bit that nothing depends on, such as the date of a file in an archive
            np.testing.assert_array_equal(predict(IMAGES[:2]), expected)


@pytest.mark.parametrize("delivered", ["original"], indirect=True)
def test_what_is_no_batch_of_images_is_named(delivered):
    predict = export.load(delivered[1], "float32")
    for images in (IMAGES[0], IMAGES[:0], "images"):
        with pytest.raises(InputError, match=r"give \(n, height, width, channels\)"):
            predict(images)


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


@pytest.mark.parametrize("delivered", ["original"], indirect=True)
def test_the_keras_file_loads_where_this_package_is_not(delivered, tmp_path):
    code = (
        "import sys, keras; sys.modules['keras_resnet'] = None;"
        f"model = keras.saving.load_model({str(delivered[1] / 'model.keras')!r}, safe_mode=True);"
        "print(model.count_params())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"KERAS_BACKEND": "numpy"},  # which begins sooner
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == str(delivered[0].count_params()), done.stderr


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
