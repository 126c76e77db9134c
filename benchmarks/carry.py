"""Packs what a bare machine lacks: `python benchmarks/carry.py --data_dir=FOLDER`.

Writes `benchmarks/carried`, which git ignores: wheels of Keras and what it needs, and CIFAR-10 as
strips of 500 images in lossless WebP, 4.3 bits a pixel and channel, in two parts of 57 MB.
"""

import argparse
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

# Beside JAX and PyTorch, whose NumPy, SciPy, ml-dtypes, typing_extensions and packaging are used.
WHEELS = (
    "absl-py", "annotated-types", "filelock", "h5py", "keras", "markdown-it-py", "mdurl", "namex",
    "optree", "pydantic", "pydantic-core", "pygments", "rich", "safetensors", "simplejpeg",
    "typing-inspection",
)  # fmt: skip
CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
STRIP = 500  # images of 32 rows: WebP takes 16,383
TRAIN, TEST = 50_000, 10_000
PARTS = ("first", "second")
FIRST = 0.43  # of the images are in the first part: both then have 57 MB, as 14 MB are wheels


def main() -> None:
    """Packs."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--data_dir", default="", help="of TFDS; empty for wheels only")
    flags.add_argument("--out", type=Path, default=Path(__file__).parent / "carried")
    flags.add_argument("--python", default="3.12", help="of the bare machine, Linux on x86")
    options = flags.parse_args()
    wheels = options.out / PARTS[0] / "wheels"
    subprocess.run([
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
        f"--python-version={options.python}", "--platform=manylinux_2_28_x86_64",
        "--platform=manylinux_2_17_x86_64", "--platform=manylinux2014_x86_64", f"--dest={wheels}",
        f"--constraint={CONSTRAINTS}", *WHEELS,
    ], check=True)  # fmt: skip
    if options.data_dir:
        from train.data import sources
        from train.settings.data import DataSettings

        data = sources.load(DataSettings("cifar10", data_dir=options.data_dir), 32)
        splits = data.train, data.test
        write_cifar(
            options.out, data.classes,
            np.concatenate([split.read() for split in splits]),
            np.concatenate([split.labels for split in splits]),
        )  # fmt: skip
    for part in PARTS:
        size = sum(
            file.stat().st_size for file in (options.out / part).rglob("*") if file.is_file()
        )
        print(f"{options.out / part}: {size / 1e6:.1f} MB")


def write_cifar(folder: Path, names, images: np.ndarray, labels: np.ndarray) -> None:
    """Writes images, those for training first, as strips, in two parts."""
    count = -(-len(images) // STRIP)
    for number in range(count):
        part = folder / PARTS[number >= round(FIRST * count)]
        part.mkdir(parents=True, exist_ok=True)
        strip = images[number * STRIP : (number + 1) * STRIP].reshape(-1, *images.shape[2:])
        Image.fromarray(strip).save(
            part / f"{number:03}.webp", lossless=True, exact=True, quality=80, method=6
        )
    np.savez(folder / PARTS[0] / "labels.npz", labels=labels.astype(np.uint8), names=list(names))


def read_cifar(folder: Path):
    """Reads it back: names of classes, then images and labels for training and for testing.

    Raises:
        FileNotFoundError: if a part is missing.
    """
    stored = np.load(folder / PARTS[0] / "labels.npz")
    labels = stored["labels"].astype(np.int32)
    files = (file for part in PARTS for file in sorted((folder / part).glob("*.webp")))
    strips = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    images = np.concatenate(strips or [np.empty((0, 32, 3), np.uint8)])
    images = images.reshape(-1, images.shape[1], images.shape[1], 3)
    if len(images) != len(labels):
        raise FileNotFoundError(f"{folder} holds {len(images)} of {len(labels)} images: carry both")
    cut = round(len(images) * TRAIN / (TRAIN + TEST))
    names = tuple(map(str, stored["names"]))
    return names, (images[:cut], labels[:cut]), (images[cut:], labels[cut:])


def unpack_wheels(folder: Path, target: Path) -> None:
    """Unpacks the wheels: they need no more to be imported."""
    for wheel in sorted((folder / PARTS[0] / "wheels").glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(target)


if __name__ == "__main__":
    main()
