import keras
import numpy as np
import pytest

from keras_resnet import InputError, ResNet18, to_checkpoint
from tests.recordings.record import images
from train import convert


@pytest.fixture
def run(command):
    return lambda source, target: command(convert, f"--source={source}", f"--target={target}")


def test_there_and_back(run, capsys, tmp_path):
    source, model = tmp_path / "resnet18.safetensors", ResNet18()
    to_checkpoint(model, source)
    target, back = tmp_path / "resnet18.keras", tmp_path / "again.safetensors"
    run(source, target)
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"{target}: 11,699,112 parameters, (224, 224, 3) to (1000,)",
        "images: RGB, 0 to 255, normalized by mean 123.675, 116.28, 103.53 and std 58.395, 57.12, "
        "57.375",
    ]
    image = np.resize(images(), (1, 224, 224, 3))
    converted = keras.saving.load_model(target)
    np.testing.assert_allclose(
        converted(image, training=False), model(image, training=False), atol=1e-6
    )
    run(target, back)
    assert back.read_bytes() == source.read_bytes()
    weights = tmp_path / "resnet18.weights.h5"
    run(source, weights)
    for one, other in zip(ResNet18(weights=weights).weights, model.weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("none.safetensors", "x.keras", "cannot read weights from none.safetensors"),
        ("none.keras", "x.safetensors", "cannot read none.keras"),
        ("none.pth", "x.onnx", "cannot write x.onnx: end its name in .keras, .weights.h5, .safet"),
        ("", "x.keras", "source is empty"),
        ("resnet", "nowhere\udce4/x.keras", "is no UTF-8: rename it"),
    ],
)
def test_mistakes_get_one_sentence(run, source, target, message):
    with pytest.raises(InputError, match=message) as error:
        run(source, target)
    assert "\n" not in str(error.value)


def test_a_target_that_cannot_be_written_is_named(run, tmp_path):
    source = tmp_path / "resnet18.safetensors"
    to_checkpoint(ResNet18(), source)
    with pytest.raises(
        InputError, match=r"cannot write .*/x\.keras \(.*\): choose another --target"
    ):
        run(source, source / "x.keras")
