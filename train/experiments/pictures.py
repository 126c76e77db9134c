"""Learning curves as in Fig. 6 of the first paper: training error thin, test error bold."""

from collections.abc import Mapping, Sequence
from math import nan
from pathlib import Path

from matplotlib.figure import Figure

from keras_resnet.utils.atomic import replacing
from train.analysis.plotting import COLOURS
from train.experiments.plans import EXPERIMENTS
from train.runs import history


def plot(folder: Path, name: str, curves: Mapping[str, Sequence[Path]]) -> None:
    """Draws the curves of an experiment.

    Args:
        folder: Of the experiments.
        name: Of the experiment.
        curves: The folders of finished runs by label; each seed is a line.
    """
    experiment = EXPERIMENTS[name]
    groups = experiment.groups or {"": ""}
    figure = Figure(figsize=(6.2 * len(groups), 4.2), layout="constrained")
    panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    highest = 0.0
    for axes, (beginning, title) in zip(panels, groups.items(), strict=True):
        labels = [label for label in curves if label.startswith(beginning)]
        for colour, label in zip(COLOURS, labels, strict=False):
            for number, run in enumerate(curves[label]):
                epochs, training, test = errors(run)
                marker = "o" if len(epochs) == 1 else ""  # a line of one point is not seen
                axes.plot(
                    epochs, training, color=colour, linewidth=0.9, linestyle="--", marker=marker
                )
                axes.plot(
                    epochs, test, color=colour, linewidth=2.6, marker=marker,
                    label=None if number else label,
                )  # fmt: skip
                # Where the first epoch is one of several, it would make all others small.
                highest = max([highest, *(training + test if marker else training[1:] + test[1:])])
        axes.set(xlabel="epoch", title=title)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))  # hides no curve
    panels[0].set(ylabel="error, %", ylim=(0, min(100, 1.05 * highest) or 100))
    figure.suptitle(f"{experiment.title}\nbold: test error; thin, dashed: training error")
    with replacing(folder / f"{name}.png") as partial:
        figure.savefig(partial, format="png", dpi=130)


def errors(run: Path) -> tuple[list[int], list[float], list[float]]:
    """Epochs, training error and test error of a run, in percent; NaN for none."""
    rows = history.read(run)
    training, test = (
        [100 * (1 - row.get(key, nan)) for row in rows] for key in ("accuracy", "val_accuracy")
    )
    return [int(row["epoch"]) for row in rows], training, test
