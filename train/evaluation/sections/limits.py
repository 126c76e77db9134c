"""What a page does not show: said plainly, so that nobody takes it for shown."""

from collections.abc import Callable

from train.evaluation.blocks import Block, Points
from train.evaluation.material import Material

Rule = tuple[Callable[[Material], bool], str]  # when a sentence holds, and the sentence

ONE = (
    "n = 1: this is one training with one seed. The interval tells how far another choice of test "
    "images would move the result, not how far another seed would."
)
RULES: tuple[Rule, ...] = (
    (lambda m: m.record is not None, ONE),
    (
        lambda m: m.record is not None and "val_accuracy" not in m.record.get("last_epoch", {}),
        "No training images were held out: no setting could be chosen without the test images, and "
        "what is fitted on training images has been seen by the network.",
    ),
    (
        lambda m: m.recipe is not None and m.recipe.deliver == "best",
        "Held-out images chose the epoch that was delivered: their accuracy is too high by that "
        "choice. The test images chose nothing.",
    ),
    (
        lambda m: m.record is not None and m.evaluation is None,
        "Confusions, calibration and the surest mistakes were not evaluated: "
        "python -m train.evaluate does that.",
    ),
    (
        lambda m: m.record is not None and m.export is None,
        "No quantized file was written, scored or timed: python -m train.export does that.",
    ),
    (
        lambda m: m.export is not None,
        "Milliseconds are those of the processor that is named, and not of a phone.",
    ),
    (
        lambda m: m.data is not None,
        "Duplicates are found only if they are equal pixel for pixel: near-duplicates were not "
        "looked for.",
    ),
    (
        lambda m: bool(m.trials),
        "A search judges trials by held-out training images and picks the best of many: its "
        "accuracy is too high by that choice. Train the network in full and score it on test "
        "images.",
    ),
    (
        lambda m: len(m.runs) > 1,
        "A difference between two runs is also one between their seeds, unless each was trained "
        "several times.",
    ),
    (
        lambda m: not m.trials,
        "Only these test images were scored: other cameras, corruptions and other data were not "
        "tried.",
    ),
)


def limits(material: Material) -> list[Block]:
    """The limits that hold for this page."""
    return [Points([text for holds, text in RULES if holds(material)])]
