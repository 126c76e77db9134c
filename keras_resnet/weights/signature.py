"""What two networks must have in common for the weights of one to mean the same in the other."""

from dataclasses import fields
from typing import Any

from keras_resnet.spec.config import NetworkConfig
from keras_resnet.spec.spec import Spec
from keras_resnet.utils.errors import InputError


def check_same(
    theirs: NetworkConfig,
    ours: NetworkConfig,
    path: str,
    name: str = "the network here",
    advice: str = "build a matching one with keras_resnet.from_checkpoint(path)",
) -> None:
    """Checks that the weights of one network mean the same in another.

    Args:
        theirs: The network that the weights are of.
        ours: The one that is to take them.
        path: Where they are, for the message.
        name: Of our network, for the message.
        advice: What to do if they differ, for the message.

    Raises:
        InputError: that names the first thing in which they differ.
    """
    signature = weight_signature(theirs)
    for key, value in weight_signature(ours).items():
        if (there := signature.get(key)) != value:
            raise InputError(
                f"{path} holds a network with {key} {there!r}, and {name} has {value!r}: {advice}."
            )


def weight_signature(spec: NetworkConfig) -> dict[str, Any]:
    """What two specs must have in common for their weights to be exchangeable."""
    free = {
        "input_shape",
        "classes",
        "width_multiplier",
        "zero_gamma",
        "dropout",
        "stochastic_depth",
        "output_stride",
        "auxiliary",
    }
    fixed = {"family": type(spec).__name__.removesuffix("Spec") or "ResNet"}
    fixed |= {f.name: getattr(spec, f.name) for f in fields(spec) if f.name not in free}
    if not isinstance(spec, Spec):
        return fixed
    widths = [spec.width(stage) for stage in range(len(spec.blocks))]
    return {**fixed, "widths": (spec.stem_width, *widths)}
