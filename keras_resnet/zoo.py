"""The named networks: one line each."""

import keras

from keras_resnet.errors import InputError, lookup
from keras_resnet.resnet import ResNet
from keras_resnet.spec import UNITS, Spec

_IMAGENET_UNITS = {  # He et al. 2015, Table 1
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


def cifar(depth: int, unit: str = "basic", **changes) -> Spec:
    """The CIFAR network of a depth: 6n+2 with basic units (He et al. 2015, 4.2), else 9n+2.

    Args:
        depth: Number of weighted layers.
        unit: A key of `spec.UNITS`.
        **changes: Other values for fields of the `Spec`.

    Raises:
        InputError: if no network has this depth; the message gives the nearest that exists.
    """
    step = 3 * len(lookup(UNITS, unit, "unit").kernels)
    n, rest = divmod(depth - 2, step)
    if rest or n < 1:
        near = max(1, round((depth - 2) / step))
        raise InputError(
            f"no CIFAR network of {unit} units has depth {depth}: depths are {step}n+2, "
            f"the nearest is {step * near + 2}."
        )
    return Spec(**{"units": (n, n, n), "widths": (16, 32, 64), "unit": unit, **changes})


def imagenet(depth: int, **changes) -> Spec:
    """The ImageNet network of a depth (He et al. 2015, Table 1), with shortcut option B.

    Args:
        depth: Number of weighted layers.
        **changes: Other values for fields of the `Spec`.

    Raises:
        InputError: if the table has no such depth.
    """
    if depth not in _IMAGENET_UNITS:
        raise InputError(
            f"no ImageNet network has depth {depth}: use one of {list(_IMAGENET_UNITS)}."
        )
    defaults = {
        "units": _IMAGENET_UNITS[depth],
        "widths": (64, 128, 256, 512),
        "unit": "bottleneck",
        "shortcut": "B",
        "stem": "imagenet",
        "input_shape": (224, 224, 3),
        "classes": 1000,
    }
    return Spec(**{**defaults, **changes})


SPECS: dict[str, Spec] = {}  # every named network, by its name in lower case


def _network(title: str, spec: Spec):
    name = title.lower()

    def build(
        include_top: bool = True,
        weights=None,
        input_tensor=None,
        input_shape=None,
        pooling: str | None = None,
        classes: int = spec.classes,
        classifier_activation="softmax",
        name: str = name,
    ) -> keras.Model:
        return ResNet(
            spec,
            include_top=include_top,
            weights=weights,
            input_tensor=input_tensor,
            input_shape=input_shape,
            pooling=pooling,
            classes=classes,
            classifier_activation=classifier_activation,
            name=name,
        )

    build.__name__ = build.__qualname__ = title
    build.__doc__ = (
        f"{title}, with the arguments of `keras.applications`; `weights=None` is the default.\n\n"
        f"{spec}\n\nArguments, result and errors are those of `keras_resnet.ResNet`."
    )
    SPECS[name] = spec
    return build


_V1 = {"convention": "keras_v1"}
_V2 = {"convention": "keras_v2", "order": "full_preact"}
# Option B: the second paper's own code projects with a 1x1 convolution (resnet-pre-act.lua).
_CIFAR_V2 = {"shortcut": "B", "order": "full_preact"}

ResNet50 = _network("ResNet50", imagenet(50, **_V1))
ResNet101 = _network("ResNet101", imagenet(101, **_V1))
ResNet152 = _network("ResNet152", imagenet(152, **_V1))
ResNet50V2 = _network("ResNet50V2", imagenet(50, **_V2))
ResNet101V2 = _network("ResNet101V2", imagenet(101, **_V2))
ResNet152V2 = _network("ResNet152V2", imagenet(152, **_V2))

ResNet8 = _network("ResNet8", cifar(8))
ResNet20 = _network("ResNet20", cifar(20))
ResNet32 = _network("ResNet32", cifar(32))
ResNet44 = _network("ResNet44", cifar(44))
ResNet56 = _network("ResNet56", cifar(56))
ResNet110 = _network("ResNet110", cifar(110))
ResNet20V2 = _network("ResNet20V2", cifar(20, **_CIFAR_V2))
ResNet32V2 = _network("ResNet32V2", cifar(32, **_CIFAR_V2))
ResNet44V2 = _network("ResNet44V2", cifar(44, **_CIFAR_V2))
ResNet56V2 = _network("ResNet56V2", cifar(56, **_CIFAR_V2))
ResNet110V2 = _network("ResNet110V2", cifar(110, **_CIFAR_V2))
