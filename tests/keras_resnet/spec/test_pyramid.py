"""Levels of the feature pyramid from the spec against the built model's."""

from dataclasses import replace

import pytest

from keras_resnet import SPECS, ResNet, Spec, feature_pyramid, pyramid_levels


def short(spec):
    return replace(spec, blocks=tuple(min(n, 2) for n in spec.blocks), width_multiplier=0.25)


def assert_levels_are_those_of_the_built(spec):
    maps = feature_pyramid(ResNet(spec, include_top=False))
    shapes = maps.compute_output_shape((1, 256, 256, 3))
    found = [(name, 256 // shape[1], shape[-1]) for name, shape in shapes.items()]
    assert found == [tuple(level) for level in pyramid_levels(spec)]
    # keras-hub's contract: "Pn" is 2**n times smaller than the image.
    hub = {f"P{level.stride.bit_length() - 1}": level for level in pyramid_levels(spec)}
    assert [*maps.pyramid_outputs] == [*hub]
    for name, level in hub.items():
        assert maps.pyramid_outputs[name] is maps.output[level.name]


SHORT = {short(spec): name for name, spec in SPECS.items()}  # most differ in depth alone


QUICK = {"ResNet20", "ResNet20V2", "ResNet18", "ResNet50", "ResNet50V2", "PlainNet18"}


@pytest.mark.parametrize(
    "spec",
    [pytest.param(s, marks=() if n in QUICK else pytest.mark.slow) for s, n in SHORT.items()],
    ids=SHORT.values(),
)
def test_named_networks_shortened(spec):
    assert_levels_are_those_of_the_built(spec)
    assert_levels_are_those_of_the_built(replace(spec, output_stride=spec.stride // 2))


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECS)
def test_named_networks(name):
    assert_levels_are_those_of_the_built(SPECS[name])


@pytest.mark.parametrize("variant", ["paper", "keras_v2"])
@pytest.mark.parametrize("blocks", [(1,), (1, 1), (2, 1, 3)])
def test_stages_of_few_blocks(blocks, variant):
    v2 = {"variant": variant, "activation_order": "full_preact", "shortcut": "B"}
    spec = Spec(blocks, (4, 8, 12)[: len(blocks)], "bottleneck_v1.5", **v2)
    assert_levels_are_those_of_the_built(spec)


def test_resnet50_by_hand():
    """He et al. 2015, Table 1."""
    assert pyramid_levels(SPECS["ResNet50"]) == (
        ("C2", 4, 256), ("C3", 8, 512), ("C4", 16, 1024), ("C5", 32, 2048)
    )  # fmt: skip
    dilated = replace(SPECS["ResNet50"], output_stride=8)
    assert [level.stride for level in pyramid_levels(dilated)] == [4, 8, 8, 8]


def test_what_is_no_spec_is_refused():
    with pytest.raises(TypeError, match=r"spec must be a keras_resnet\.Spec"):
        pyramid_levels("ResNet50")
