import keras
import numpy as np
import pytest

from keras_resnet import InputError, export
from keras_resnet.export import ModelCard, read_metadata
from keras_resnet.utils.framing import Framing

CARD = ModelCard(
    name="Räder",
    description="Which wheel it is.",
    author="An author",
    license="Apache-2.0",
    labels=("bicycle", "Großes Rad", "car"),
    mean=(127.5,),
    std=(127.5,),
    framing=Framing(crop_ratio=0.875),
)


def save(folder, card, channels=3):
    image = keras.Input((8, 12, channels), name="image")
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(image))
    model = keras.Model(image, keras.layers.Dense(3, "softmax")(x))
    export.save(model, folder, ["float32"], card)
    return folder / "model.tflite", model


def test_all_that_was_said_can_be_read(tmp_path):
    path, _ = save(tmp_path, CARD)
    said = read_metadata(path)
    assert (said["name"], said["description"]) == ("Räder", "Which wheel it is.")
    assert (said["author"], said["license"]) == ("An author", "Apache-2.0")
    assert tuple(said["labels"]) == CARD.labels
    ((image,), (score,)) = said["subgraph_metadata"][0].values()
    properties = image["content"]["content_properties"]
    assert properties == {"color_space": 1, "default_size": {"width": 12, "height": 8}}
    assert image["description"] == (
        "12 x 8 pixels, 0 to 255. An image of another size is scaled until it covers the network's "
        "image; what stands out is cut off, evenly (of 0.875 of its short side)."
    )
    assert image["process_units"][0]["options"] == {"mean": [127.5], "std": [127.5]}
    assert image["stats"] == {"max": [1], "min": [-1]}
    assert score["stats"] == {"max": [1], "min": [0]}
    assert [file["name"] for file in score["associated_files"]] == ["labels.txt"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"labels": (0, 1, 2)}, "each of labels must be a text; got 0"),
        ({"labels": "abc"}, "labels must be a list of texts; got 'abc'"),
        ({"labels": np.arange(3)}, "each of labels must be a text; got 0"),
        ({"description": None}, "description must be a text; got None"),
        ({"mean": 0.5}, "mean must be a list of numbers; got 0.5"),
        ({"mean": (0, 0)}, "must be of as many channels"),
    ],
)
def test_what_cannot_be_said_is_named(fields, message):
    with pytest.raises(InputError, match=message):
        ModelCard(**fields)
    with pytest.raises(TypeError, match="framing must be a Framing; got 'crop'"):
        ModelCard(framing="crop")
    assert ModelCard(labels=np.array(["a", "b"]), mean=[1]).labels == ("a", "b")


@pytest.mark.parametrize(("channels", "colors"), [(1, 2), (3, 1)])
def test_grey_images_are_called_grey(tmp_path, channels, colors):
    path, _ = save(tmp_path, ModelCard(), channels)
    said = read_metadata(path)
    image = said["subgraph_metadata"][0]["input_tensor_metadata"][0]
    assert image["content"]["content_properties"]["color_space"] == colors
    assert image["stats"] == {"max": [255], "min": [0]}
    assert "labels" not in said


def test_the_same_card_gives_the_same_bytes(tmp_path):
    path, model = save(tmp_path / "a", CARD)
    export.save(model, tmp_path / "b", ["float32"], CARD)
    assert path.read_bytes() == (tmp_path / "b" / "model.tflite").read_bytes()


def test_a_file_that_is_not_there_is_named_once(tmp_path):
    with pytest.raises(InputError, match=rf"^no {tmp_path}/none\.tflite: check the path\.$"):
        read_metadata(tmp_path / "none.tflite")
    with pytest.raises(InputError, match=rf"^{tmp_path} is a folder, not a file: give a file\.$"):
        read_metadata(tmp_path)
