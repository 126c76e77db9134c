"""keras-hub's detector and segmenter train on our feature pyramid, with weights of this package.

The pictures are pieces of two photographs, each with a square or a disc of one color on it.
"""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from keras_resnet import ResNet18, ResNet20, feature_pyramid, freeze_batchnorm

pytestmark = [
    pytest.mark.slow,
    # keras-hub hands a data set to `fit`, which would shuffle arrays.
    pytest.mark.filterwarnings("ignore:`shuffle=True` was passed, but will be ignored"),
]
SIDE, COUNT = 64, 64


@pytest.fixture(scope="module")
def hub():
    import keras_hub  # not above: it takes seconds

    return keras_hub


@pytest.fixture(scope="module")
def pictures():
    """Images as ResNet20 wants them, masks (0 background, 1 square, 2 disc), boxes and kinds."""
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
    prepared = ResNet20.preprocess_input(np.array(images, "float32"))
    return prepared, np.array(masks), np.array(boxes, "float32"), np.array(kinds)


def backbone(**changes):
    """Trained weights, frozen statistics, and maps of every stage."""
    model = ResNet20(weights="cifar10", include_top=False, **changes)
    return feature_pyramid(freeze_batchnorm(model))


def statistics(model):
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    return [np.array(layer.moving_variance) for layer in layers]


def train(task, maps, images, targets):
    """Loss by epoch; the backbone's convolutions learn and its statistics stay."""
    before, kernel = statistics(maps), np.array(maps.get_layer("conv3_block1_1_conv").kernel)
    losses = task.fit(images, targets, batch_size=8, epochs=3, verbose=0).history["loss"]
    for old, new in zip(before, statistics(maps), strict=True):
        np.testing.assert_array_equal(old, new)
    assert (np.array(maps.get_layer("conv3_block1_1_conv").kernel) != kernel).any()
    return losses


def test_a_retinanet(hub, pictures, record_property):
    images, _, boxes, kinds = pictures
    maps = backbone()
    assert [*maps.pyramid_outputs] == ["P0", "P1", "P2"]
    image_encoder = hub.models.RetinaNetBackbone(
        maps, min_level=1, max_level=3, use_p5=False, image_shape=(SIDE, SIDE, 3)
    )
    anchors = hub.layers.AnchorGenerator("yxyx", 1, 3, 3, [0.5, 1.0, 2.0], anchor_size=4)
    detector = hub.models.RetinaNetObjectDetector(
        image_encoder, num_classes=2, anchor_generator=anchors, pre_logits_num_conv_layers=1
    )
    detector.compile(keras.optimizers.Adam(1e-3))
    losses = train(detector, maps, images, {"boxes": boxes, "labels": kinds})
    record_property("measured", f"RetinaNet: loss {', '.join(f'{loss:.2f}' for loss in losses)}")
    assert losses[0] > losses[1] > losses[2]
    found = detector.predict(images[:8], verbose=0)
    assert found["boxes"].shape[::2] == (8, 4)


def test_a_deeplab(hub, pictures, record_property):
    images, masks, *_ = pictures
    maps = backbone(output_stride=2)
    assert [*maps.pyramid_outputs] == ["P0", "P1"]  # P1 is the last stage
    encoder = hub.models.DeepLabV3Backbone(
        maps,
        low_level_feature_key="P0",
        spatial_pyramid_pooling_key="P1",
        upsampling_size=2,
        dilation_rates=[2, 4, 6],
        image_shape=(SIDE, SIDE, 3),
    )
    segmenter = hub.models.DeepLabV3ImageSegmenter(encoder, num_classes=3)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    segmenter.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    losses = train(segmenter, maps, images, masks)
    record_property("measured", f"DeepLabV3+: loss {', '.join(f'{loss:.2f}' for loss in losses)}")
    assert losses[0] > losses[1] > losses[2]
    predicted = segmenter.predict(images, verbose=0).argmax(-1)
    found = (predicted == masks).mean()
    record_property("measured", f"DeepLabV3+: {found:.1%} of the pixels right")
    assert found > max((masks == kind).mean() for kind in range(3))  # one answer for all


def test_levels_of_networks_for_photographs(hub):
    """P3 to P7, as in the paper of RetinaNet, and P4 of a dilated network for DeepLabV3+."""
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
