"""Our own files of every kind, and who reads them; `test_fuzz` damages them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.hostile.mutations import (
    damage_archive,
    damage_bytes,
    damage_hdf5,
    damage_json,
    damage_keras,
    mutate,
)


class Target(NamedTuple):
    """A kind of files."""

    file: str  # in the folder of originals
    read: Callable[[Path], object]
    damages: tuple[Callable, ...] = (damage_bytes,)
    name: str = ""  # that the damaged file must have; by default that of the original


def _weights(path: Path) -> object:
    from keras_resnet.weights.loading import read

    return read(path)


def _record(path: Path) -> object:
    from train.runs.record import read_record

    return read_record(path.parent)


def _spec(path: Path) -> object:
    from train.runs.record import read_spec

    return read_spec(path)


def _labels(path: Path) -> object:
    from train.runs.record import read_classes

    return read_classes(path.parent)


def _image(path: Path) -> object:
    from train.data.images import read_image

    return read_image(path, (8, 8, 3))


def _checkpoint(path: Path) -> object:
    from train.trainer.checkpoint import newest

    return newest(path.parent)


def _exported(format: str) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        import numpy as np

        from keras_resnet.export import load

        folder = next(p for p in path.parents if p.name == "damaged")
        return load(folder, format)(np.zeros((1, 8, 8, 3), "uint8"))

    return read


JSON, H5 = (damage_bytes, damage_json, damage_json), (damage_bytes, damage_hdf5, damage_hdf5)
KERAS = (damage_bytes, damage_archive, damage_keras, damage_keras)
TARGETS = {
    "record": Target("run.json", _record, JSON),
    "spec": Target("run.json", _spec, JSON, "best.json"),
    "labels": Target("labels.txt", _labels),
    "weights of Keras 3": Target("model.weights.h5", _weights, H5),
    "weights of Keras 2": Target("model.h5", _weights, H5),
    "weights in .keras": Target("model.keras", _weights, KERAS),
    "state in safetensors": Target("state.safetensors", _weights),
    "PNG": Target("image.png", _image),
    "JPEG": Target("image.jpg", _image),
    "checkpoint": Target("checkpoint", _checkpoint, (damage_bytes,), "checkpoint"),
    ".keras": Target("model.keras", _exported("keras"), KERAS),
    ".tflite": Target("model.tflite", _exported("float32")),
    "int8 .tflite": Target("model_int8.tflite", _exported("int8")),
    "SavedModel": Target("saved_model/saved_model.pb", _exported("saved_model")),
}


def make_originals(folder: Path) -> None:
    """Writes a whole file of each kind, of a very small network."""
    import keras
    import numpy as np
    from PIL import Image
    from safetensors.numpy import save_file

    from keras_resnet import ResNet, Spec, export, families
    from keras_resnet.export.card import ModelCard
    from train.runs.record import file_sums, read_record, write_record
    from train.trainer import checkpoint

    spec = Spec(blocks=(1, 1), widths=(4, 8), input_shape=(8, 8, 3), classes=3, shortcut="B")
    model = ResNet(spec)
    pixels = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), np.uint8)
    card = ModelCard(labels=("a", "b", "c"))
    export.save(model, folder, ["keras", "saved_model", "float32", "int8"], card, pixels)
    model.save_weights(folder / "model.weights.h5")
    model.save(folder / "model.h5")
    (folder / "labels.txt").write_text("a\nb\nc\n")
    save_file({"conv1.weight": np.ones((4, 3, 3, 3), "float32")}, folder / "state.safetensors")
    Image.fromarray(pixels[0]).save(folder / "image.png")
    Image.fromarray(pixels[0]).save(folder / "image.jpg")
    write_record(folder, {
        "status": "finished", "model": "tiny", "network": families.to_json(spec),
        "recipe": {"epochs": 2, "learning_rate": 0.5, "schedule": "step"},
        "data": {"name": "noise", "image_size": 8, "sha256": "0" * 64},
        "normalization": {"mean": [0.0] * 3, "std": [1.0] * 3},
        "test": {"keras": {"accuracy": 0.5}}, "versions": {"keras_resnet": "0"},
    })  # fmt: skip
    write_record(folder, read_record(folder) | {"files": file_sums(folder)})
    progress = checkpoint.Progress(1, 2, 3.0, [{"epoch": 1, "loss": 0.5}])
    checkpoint.write(folder / "checkpoints", 9, progress, {"a": np.ones((3, 3), "float32")})
    keras.utils.clear_session()


def cases(
    name: str, originals: str, first: str, count: str
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Reads damaged copies of a file, one after the other."""
    import shutil
    import tempfile

    target, source = TARGETS[name], Path(originals)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "damaged")
        shutil.copytree(source, folder)
        path = folder / (target.name or target.file)
        if name == "checkpoint":
            (original,) = source.glob("checkpoints/*.safetensors")
            path = folder / "checkpoints" / original.name
        else:
            original = source / target.file
        for seed in range(int(first), int(first) + int(count)):

            def call(seed=seed):
                mutate(original, path, target.damages, seed)
                return target.read(path)

            yield f"{name} {seed}", call


def every_kind(originals: str, first: str, count: str) -> Iterator[tuple[str, Callable]]:
    """The same of each kind in turn."""
    for name in TARGETS:
        yield from cases(name, originals, first, count)
