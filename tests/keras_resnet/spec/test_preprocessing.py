from dataclasses import asdict

import pytest

from keras_resnet.spec.preprocessing import MODES, Preprocessing
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.framing import Framing
from keras_resnet.utils.schema import parse

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("mode", MODES)
def test_modes_know_themselves_and_survive_json(mode):
    again = parse(Preprocessing, asdict(MODES[mode]))
    assert again == MODES[mode] and again.mode == mode


def test_numbers_of_unit_pixels():
    # timm writes the same numbers in pretrained_cfg; the size of images changes no pixel.
    inception = Preprocessing.of_unit([0.5], [0.5], size=(299, 299))
    assert inception.mode == "tf"
    other = Preprocessing.of_unit((0.5, 0.4, 0.3), (0.2, 0.2, 0.2), crop_ratio=0.95)
    assert other.mode is None
    assert other.mean == (127.5, 102.0, 76.5) and other.framing == Framing(crop_ratio=0.95)
    assert str(other) == "RGB, 0 to 255, normalized by mean 127.5, 102, 76.5 and std 51, 51, 51"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mean": (1.0, 2.0)}, "as many channels"),
        ({"std": (0.0,)}, "std above 0"),
        ({"mean": (float("nan"),)}, "each of mean must be a number .*; got nan"),
        ({"mean": 3}, "mean must be a list of numbers; got 3"),
        ({"size": 224}, "size must be a list of whole numbers; got 224"),
        ({"std": ()}, "as many channels, one or more"),
        ({"channels": "RBG"}, "did you mean 'RGB'"),
        ({"size": (224,)}, r"size must be \(height, width\); got \(224,\)"),
        ({"crop_ratio": 1.5}, "crop_ratio must be .*; got 1.5"),
        ({"interpolation": "bicubical"}, "did you mean 'bicubic'"),
    ],
)
def test_impossible_values_are_named(fields, message):
    with pytest.raises(InputError, match=message):
        Preprocessing(**fields)
