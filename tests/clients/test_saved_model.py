"""The SavedModel and the `.tflite` file, in the hands of programs that nobody here wrote."""

import re
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from openvino import Core
from PIL import Image

from keras_resnet import ResNet8, export
from keras_resnet.export import saved_model
from tests.networks import vary

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3)).astype("uint8")


def output_of(*command):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def model():
    """A model with statistics that are not trivial."""
    keras.utils.set_random_seed(0)
    image = keras.Input((32, 32, 3), name="image")
    return vary(ResNet8(input_tensor=keras.layers.Rescaling(1 / 64, offset=-2)(image)))


@pytest.fixture(scope="module")
def expected(model):
    probabilities = model.predict_on_batch(IMAGES.astype("float32"))
    assert np.ptp(probabilities, axis=0).max() > 1e-2  # the model does look at its images
    return probabilities


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clients") / "saved_model"
    saved_model.write(model, folder, [f"class {i}" for i in range(10)])
    return folder


@pytest.fixture(scope="module")
def cli(python):
    """TensorFlow's command `saved_model_cli`, in a process that has imported TensorFlow."""
    return lambda *words: python("-m", "tensorflow.python.tools.saved_model_cli", *words).stdout


@pytest.fixture(scope="module")
def shown(cli, folder):
    """By name of the signature: the names of its input and its output, and of their tensors."""
    text = cli("show", "--dir", folder, "--all")
    signatures = re.split(r"signature_def\['(\w+)'\]:", text)[1:]
    return {
        name: re.findall(r"puts\['(\w+)'\] tensor_info:(?s:.+?) name: (\S+)", body)
        for name, body in zip(signatures[::2], signatures[1::2], strict=True)
    }


def test_saved_model_cli_shows_the_signatures(shown):
    assert {name: [key for key, _ in tensors] for name, tensors in shown.items()} == {
        "serving_default": ["image", "output_0"],
        "serve": ["image_bytes", "output_0"],
        "labels": ["index", "output_0"],
        "__saved_model_init_op": ["__saved_model_init_op"],  # TensorFlow's own
    }


def test_saved_model_cli_runs_it(cli, folder, expected, tmp_path):
    np.save(tmp_path / "images.npy", IMAGES.astype("float32"))
    cli(
        "run", "--dir", folder, "--tag_set", "serve", "--signature_def", "serving_default",
        "--inputs", f"image={tmp_path / 'images.npy'}", "--outdir", tmp_path,
    )  # fmt: skip
    np.testing.assert_allclose(np.load(tmp_path / "output_0.npy"), expected, atol=1e-5)


@pytest.fixture(scope="module")
def classify(tmp_path_factory):
    """The C program beside this file."""
    program = tmp_path_factory.mktemp("bin") / "classify"
    library = Path(tf.sysconfig.get_lib())
    output_of(
        "gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-isystem", tf.sysconfig.get_include(),
        Path(__file__).with_name("classify.c"), "-o", program, f"-Wl,-rpath,{library}",
        *library.glob("libtensorflow_cc.so.*"), *library.glob("libtensorflow_framework.so.*"),
    )  # fmt: skip
    return program


def printed(classify, folder, tensors, file):
    (_, source), (_, result) = tensors
    rows = output_of(classify, folder, source, result, file).splitlines()
    return np.array([row.split() for row in rows], "float32")


@pytest.mark.needs("gcc")
def test_a_c_program_classifies_raw_floats(classify, folder, shown, expected, tmp_path):
    file = tmp_path / "images.raw"
    IMAGES.astype("float32").tofile(file)
    found = printed(classify, folder, shown["serving_default"], file)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.needs("gcc")
def test_a_c_program_classifies_a_png(classify, folder, shown, expected, tmp_path):
    file = tmp_path / "image.png"
    Image.fromarray(IMAGES[1]).save(file)
    found = printed(classify, folder, shown["serve"], file)
    np.testing.assert_allclose(found, expected[1:2], atol=1e-5)


@pytest.mark.needs("gcc")
def test_a_c_program_is_told_what_is_no_image(classify, folder, shown, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("no image")
    (_, source), (_, result) = shown["serve"]
    done = subprocess.run(
        [classify, folder, source, result, file], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1
    assert f"{file}: Unknown image file format" in done.stderr


@pytest.fixture(scope="module")
def openvino():
    """OpenVINO on the processor, as a function of a file that returns a function of images."""
    # By itself, it computes in bfloat16 where the processor can.
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    return lambda file: Core().compile_model(file, "CPU", exact)


def test_openvino_reads_the_saved_model(openvino, folder, expected):
    network = openvino(folder)
    assert [port.any_name for port in (*network.inputs, *network.outputs)] == ["image", "output_0"]
    np.testing.assert_allclose(network(IMAGES.astype("float32"))[0], expected, atol=1e-5)


@pytest.mark.slow
def test_openvino_reads_the_phone_file(openvino, model, expected, tmp_path):
    export.save(model, tmp_path)
    network = openvino(tmp_path / "model.tflite")
    found = [network(image[None].astype("float32"))[0][0] for image in IMAGES]
    np.testing.assert_allclose(found, expected, atol=1e-5)
