"""keras-hub's detector and segmenter train on our feature pyramid, with weights of this package.

The pictures are pieces of two photographs, each with a square or a disc of one color on it.
"""

import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from sklearn.datasets import load_sample_images

from keras_resnet import ResNet18, ResNet20, feature_pyramid

pytestmark = [
    pytest.mark.slow,
    # keras-hub hands a data set to `fit`, which would shuffle arrays.
    pytest.mark.filterwarnings("ignore:`shuffle=True` was passed, but will be ignored"),
]
SIDE, COUNT = 64, 64
DOCUMENT = (Path(__file__).parents[2] / "docs/backbone.md").read_text()
_, DETECTOR, SEGMENTER, DEPLOYED = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.fixture(scope="module")
def pictures():
    """Images from 0 to 255, masks (0 background, 1 square, 2 disc), boxes and kinds."""
    photos, draw = load_sample_images().images, np.random.default_rng(0)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    images, masks, boxes, kinds = [], [], [], []
    for _ in range(COUNT):
        photo = photos[draw.integers(2)]
        top, left = (draw.integers(side - 2 * SIDE) for side in photo.shape[:2])
        image = photo[top:, left:][: 2 * SIDE : 2, : 2 * SIDE : 2].copy()
        radius, kind = draw.integers(8, 17), draw.integers(2)
        y, x = draw.integers(radius, SIDE - radius, 2)
        far = (abs(rows - y), abs(columns - x))
        inside = (np.maximum(*far) if kind == 0 else np.hypot(*far)) < radius
        image[inside] = draw.integers(0, 256, 3)
        images.append(image)
        masks.append(inside * (1 + kind))
        boxes.append([[y - radius, x - radius, y + radius, x + radius]])
        kinds.append([kind])
    images, boxes = (np.array(values, "float32") for values in (images, boxes))
    return images, np.array(masks), boxes, np.array(kinds)


def statistics(model):
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    return [np.array(layer.moving_variance) for layer in layers]


def run(code, pictures):
    """Runs a recipe of the documentation: convolutions of the backbone learn, statistics stay."""
    images, masks, boxes, kinds = pictures
    names = {"images": images, "masks": masks, "boxes": boxes, "kinds": kinds}
    exec(code, names)
    start = ResNet20(weights="cifar10", include_top=False)
    for old, new in zip(statistics(start), statistics(names["maps"]), strict=True):
        np.testing.assert_array_equal(old, new)
    kernels = [np.array(m.get_layer("conv3_block1_1_conv").kernel) for m in (start, names["maps"])]
    assert (kernels[0] != kernels[1]).any()
    losses = names["history"].history["loss"]
    assert losses[0] > losses[1] > losses[2]
    return names


def assert_exports(model, image, folder):
    """LiteRT and TensorFlow give from exported files what Keras predicts."""
    model.export(folder / "model.tflite", format="litert", verbose=False)
    model.export(folder / "saved", format="tf_saved_model", verbose=False)
    phone = Interpreter(str(folder / "model.tflite")).get_signature_runner()
    (name,) = phone.get_input_details()
    predicted = model(image, training=False)
    if not isinstance(predicted, dict):
        predicted = {"output_0": predicted}
    served = tf.saved_model.load(folder / "saved").signatures["serving_default"]
    for found in (phone(**{name: image}), served(tf.constant(image))):
        for key, output in predicted.items():
            limit = 1e-4 * np.abs(output).max()
            np.testing.assert_allclose(found[key], output, rtol=0, atol=limit)


def test_the_detector_of_the_documentation(pictures, tmp_path):
    names = run(DETECTOR, pictures)
    assert [*names["maps"].pyramid_outputs] == ["P0", "P1", "P2"]
    found = names["detector"].predict(names["prepared"][:8], verbose=0)
    assert found["boxes"].shape[::2] == (8, 4)
    assert_exports(names["detector"], names["prepared"][:1], tmp_path)


def test_the_segmenter_of_the_documentation(pictures, tmp_path, monkeypatch):
    names = run(SEGMENTER, pictures)
    assert [*names["maps"].pyramid_outputs] == ["P0", "P1"]  # P1 is the last stage
    same_for_all = max((names["masks"] == kind).mean() for kind in range(3))
    assert names["history"].history["accuracy"][-1] > same_for_all
    image, segmenter = names["prepared"][:1], names["segmenter"]
    difference = np.abs(segmenter(image) - segmenter(image, training=False)).max()
    assert difference > 0.1, "Keras has been repaired: the documentation can export it as it is."
    monkeypatch.chdir(tmp_path)
    exec(DEPLOYED, names)
    assert_exports(names["deployed"], image, tmp_path)


def test_levels_of_networks_for_photographs():
    """P3 to P7, as in the paper of RetinaNet, and P4 of a dilated network for DeepLabV3+."""
    import keras_hub as hub  # not above: it takes seconds

    small = {"include_top": False, "width_multiplier": 0.125}
    encoder = hub.models.RetinaNetBackbone(
        feature_pyramid(ResNet18(**small)), min_level=3, max_level=7, use_p5=False
    )
    images = np.zeros((1, 256, 256, 3), "float32")
    sides = {name: x.shape[1] for name, x in encoder(images).items()}
    assert sides == {"P3": 32, "P4": 16, "P5": 8, "P6": 4, "P7": 2}
    dilated = feature_pyramid(ResNet18(output_stride=16, **small))
    segmenter = hub.models.DeepLabV3Backbone(
        dilated,
        low_level_feature_key="P2",
        spatial_pyramid_pooling_key="P4",
        upsampling_size=4,
        dilation_rates=[6, 12, 18],
        image_shape=(256, 256, 3),
    )
    assert segmenter.output_shape == (None, 256, 256, 256)
