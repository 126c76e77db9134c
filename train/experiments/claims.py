"""What the papers claim, and the errors that they publish: the rows of the tables."""

from collections.abc import Mapping
from typing import NamedTuple

TRAIN, TEST = "training error", "test error"


class Claim(NamedTuple):
    """That a sum of errors, each with its sign, is above zero: `{"a": 1, "b": -1}` is a > b.

    Labels are those of `plans.EXPERIMENTS`, which differ from budget to budget: a claim is tested
    where all of its networks are trained, and of several with the same text the one for which that
    is so. Networks that no budget has are too large for the machines that this was written on.
    """

    text: str
    source: str
    paper: str  # its numbers, in percent
    measure: str
    contrast: Mapping[str, float]
    setting: str = ""  # what differs there, beside epochs and seeds


_IMAGENET = "ImageNet, 34 layers, top-1, ten crops"

_OTHER_SHORTCUTS = {  # test error of ResNet-110
    "half of shortcut and branch": "12.35",
    "half of the shortcut": "more than 20: failed",
    "exclusive gating": "8.70",
    "shortcut-only gating": "6.91",
    "1x1 convolution": "12.22",
    "dropout on the shortcut": "more than 20: failed",
}

CLAIMS: dict[str, tuple[Claim, ...]] = {
    "degradation": (
        Claim(
            "A plain network of 56 layers has a higher training error than one of 20.",
            "He et al. 2015, Fig. 1 and Fig. 6 left", "about 10 against 5, read off Fig. 1",
            TRAIN, {"plain-56": 1, "plain-20": -1},
        ),
        Claim(
            "A plain network of 56 layers has a higher test error than one of 20.",
            "He et al. 2015, Fig. 1 and Fig. 6 left", "about 13 against 9, read off Fig. 1",
            TEST, {"plain-56": 1, "plain-20": -1},
        ),
        Claim(
            "A residual network of 56 layers has a lower training error than one of 20.",
            "He et al. 2015, Fig. 6 middle", "a curve, no number",
            TRAIN, {"ResNet-20": 1, "ResNet-56": -1},
        ),
        Claim(
            "A residual network of 56 layers has a lower test error than one of 20.",
            "He et al. 2015, Table 6", "6.97 against 8.75",
            TEST, {"ResNet-20": 1, "ResNet-56": -1},
        ),
        Claim(
            "A residual network of 56 layers has a lower training error than a plain one.",
            "He et al. 2015, Fig. 6", "a curve, no number",
            TRAIN, {"plain-56": 1, "ResNet-56": -1},
        ),
    ),
    "shortcuts": (
        *(
            Claim(
                f"All options are better than a plain network: {option}.",
                "He et al. 2015, Table 3", f"{error} against 28.54",
                TEST, {f"plain-{depth}": 1, f"option {option}": -1}, _IMAGENET,
            )
            for depth in (20, 56)
            for option, error in (("A", 25.03), ("B", 24.52), ("C", 24.19))
        ),
        Claim(
            "Option B is slightly better than A.",
            "He et al. 2015, Table 3", "24.52 against 25.03",
            TEST, {"option A": 1, "option B": -1}, _IMAGENET,
        ),
        Claim(
            "Option C is marginally better than B.",
            "He et al. 2015, Table 3", "24.19 against 24.52",
            TEST, {"option B": 1, "option C": -1}, _IMAGENET,
        ),
        *(
            Claim(
                f"Option C is {than} A by less than a third of what A gains over a plain network.",
                "our reading of He et al. 2015, Table 3", "0.84 points better, of 3.51",
                TEST, {f"plain-{depth}": 1 / 3, "option A": a, "option C": c}, _IMAGENET,
            )
            for than, a, c in (("better than", -4 / 3, 1), ("worse than", 2 / 3, -1))
            for depth in (20, 56)
        ),
    ),
    "identity": tuple(
        Claim(
            f"The identity is better than all other shortcuts: {label}.",
            "He et al. 2016, Table 1", f"6.61 against {error}",
            TEST, {label: 1, "identity": -1}, "110 layers",
        )
        for label, error in _OTHER_SHORTCUTS.items()
    ),
    "orders": (
        *(
            Claim(
                f"Full pre-activation is better than {words}.",
                "He et al. 2016, Table 2", f"6.37 against {error:.2f}, ResNet-110",
                TEST, {order: 1, "full_preact": -1}, "110 layers",
            )
            for order, words, error in (
                ("original", "the original order", 6.61),
                ("bn_after_add", "batch normalization after the addition", 8.17),
                ("relu_before_add", "ReLU before the addition", 7.84),
                ("relu_only_preact", "ReLU-only pre-activation", 6.71),
            )
        ),
        Claim(
            "Of 1,001 layers, full pre-activation is better than the original order.",
            "He et al. 2016, Table 3", "4.92 against 7.61",
            TEST, {"original, 1001 layers": 1, "full_preact, 1001 layers": -1},
        ),
    ),
    "depth": (
        *(
            Claim(
                f"ResNet-{deep} is better than ResNet-{shallow}.",
                "He et al. 2015, Table 6", f"{low} against {high}",
                TEST, {f"ResNet-{shallow}": 1, f"ResNet-{deep}": -1},
            )
            for (shallow, high), (deep, low) in (
                ((20, "8.75"), (32, "7.51")), ((32, "7.51"), (44, "7.17")),
                ((44, "7.17"), (56, "6.97")),
                ((56, "6.97"), (110, "6.43, the best of five (6.61 ± 0.16),")),
            )
        ),
        Claim(
            "ResNet-1202 is worse than ResNet-110.",
            "He et al. 2015, Table 6", "7.93 against 6.43",
            TEST, {"ResNet-1202": 1, "ResNet-110": -1},
        ),
    ),
    "width": (
        *(
            Claim(
                "A network twice as wide is better at the same depth.",
                "Zagoruyko and Komodakis 2016, Table 4", "5.33 against 6.85, WRN-40",
                TEST, {f"WRN-{depth}-1": 1, f"WRN-{depth}-2": -1}, setting,
            )
            for depth, setting in ((16, "40 layers, images whitened"), (40, "images whitened"))
        ),
        *(
            Claim(
                "A wide shallow network is better than a thin deep one.",
                "Zagoruyko and Komodakis 2016, Table 5",
                "4.27, WRN-16-8, against 4.92, ResNet-1001",
                TEST, {f"WRN-{deep}-1": 1, f"WRN-16-{factor}": -1},
                f"11.0 against 10.2 million parameters, here {sizes}",
            )
            for deep, factor, sizes in ((58, 2, "0.7 against 0.9"), (112, 4, "2.7 against 1.7"))
        ),
    ),
    "comparison": tuple(
        Claim(
            f"{better} is better than {worse}.",
            "He et al. 2015, Table 4; AlexNet's own paper", paper,
            TEST, {worse: 1, better: -1}, "ImageNet, top-5, one model; other sizes of all networks",
        )
        for worse, better, paper in (
            ("AlexNet", "GoogLeNet", "7.89 against 18.2"),
            *(
                row
                for vgg, resnet in (("VGG-11", "ResNet-20"), ("VGG-16", "ResNet-110"))
                for row in (
                    ("AlexNet", vgg, "8.43 against 18.2"),
                    (vgg, "GoogLeNet", "7.89 against 8.43 (VGG of the challenge; 7.1 later)"),
                    ("GoogLeNet", resnet, "4.49 (152 layers) against 7.89"),
                    (vgg, resnet, "4.49 (152 layers) against 8.43"),
                )
            ),
        )
    ),
}  # fmt: skip

# Test errors of this data set in percent, by experiment and label.
PUBLISHED_FOR = "cifar10"
PUBLISHED: dict[str, Mapping[str, str]] = {
    "degradation": {"ResNet-20": "8.75", "ResNet-32": "7.51", "ResNet-44": "7.17"}
    | {"ResNet-56": "6.97", "ResNet-110": "6.43 (6.61 ± 0.16)"},
}
PUBLISHED["depth"] = PUBLISHED["degradation"]
PUBLISHED["orders"] = {  # of ResNet-110
    "original": "6.61 (110 layers)",
    "bn_after_add": "8.17 (110 layers)",
    "relu_before_add": "7.84 (110 layers)",
    "relu_only_preact": "6.71 (110 layers)",
    "full_preact": "6.37 (110 layers)",
}
PUBLISHED["width"] = {"WRN-40-1": "6.85 (whitened)", "WRN-40-2": "5.33 (whitened)"}
PUBLISHED["identity"] = {"identity": "6.61 (110 layers)"} | {
    label: f"{error} (110 layers)" for label, error in _OTHER_SHORTCUTS.items()
}
