"""Trains, scores and predicts where what needs TensorFlow is not installed; prints JSON.

The import system is asked for these packages, as where they are not installed, in vain.
"""

import json
import sys
from pathlib import Path

ABSENT = {"tensorflow", "tensorflow_datasets", "ai_edge_litert", "flatbuffers", "keras_tuner"}


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())

import train.cifar  # noqa: E402
import train.evaluate  # noqa: E402
import train.export  # noqa: E402
import train.predict  # noqa: E402
import train.tune  # noqa: E402
from keras_resnet import InputError, export  # noqa: E402


def refusal(call, **settings):
    """The sentence with which something is refused."""
    try:
        call(**settings)
    except InputError as error:
        return str(error)
    return "not refused"


def main(root: Path) -> None:
    run = root / "run"
    small = {"dataset": "digits", "model": "resnet8", "blocks": "1", "widths": "16"}
    record = train.cifar.run(**small, image_size=8, epochs=6, batch_size=64, output_dir=run)
    import keras

    model = keras.saving.load_model(run / "model.keras")
    (predicted,) = train.predict.run(run=run, arguments=["tests/data/digit_7.png"]).values()
    found = {
        "predicted": predicted,
        "scored": list(record["test"]),
        "report": (run / "report.html").exists(),
        "cifar10": refusal(train.cifar.run, dataset="cifar10", output_dir=root / "other"),
        "export": refusal(train.export.run, run=run, formats="float32"),
        "tune": refusal(train.tune.run, dataset="digits", output_dir=root / "search"),
        "library": refusal(export.save, model=model, folder=root, formats=["saved_model"]),
    }  # fmt: skip
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
