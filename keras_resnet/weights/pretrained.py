"""Where weights are: named sets, the Hugging Face Hub, run folders, files; and what comes along."""

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import keras

from keras_resnet import families
from keras_resnet.spec import NETWORKS
from keras_resnet.spec.preprocessing import MODES, Preprocessing
from keras_resnet.utils.errors import InputError, sentence
from keras_resnet.utils.fields import check_path
from keras_resnet.utils.files import sha256
from keras_resnet.weights import hub, loading, run_folder
from keras_resnet.weights.loading import Contents, is_file
from keras_resnet.weights.signature import weight_signature


class Published(NamedTuple):
    """The files of one network at `URL`, as in `keras.applications`."""

    stem: str  # how the files' names begin
    with_top: str  # MD5 sums
    without_top: str
    folder: str = "resnet"


URL = "https://storage.googleapis.com/tensorflow/keras-applications/"
IMAGENET = {  # keras/src/applications/resnet.py, WEIGHTS_HASHES; vgg16.py and vgg19.py
    "ResNet50": Published(
        "resnet50", "2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"
    ),
    "ResNet101": Published(
        "resnet101", "f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"
    ),
    "ResNet152": Published(
        "resnet152", "100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"
    ),
    "ResNet50V2": Published(
        "resnet50v2", "3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"
    ),
    "ResNet101V2": Published(
        "resnet101v2", "6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"
    ),
    "ResNet152V2": Published(
        "resnet152v2", "a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"
    ),
    "VGG16": Published(
        "vgg16",
        "64373286793e3c8b2b4e3219cbf3544b",
        "6d6bbae143d832006294945121d1f1fc",
        "vgg16",
    ),
    "VGG19": Published(
        "vgg19",
        "cbe5617147190e668d6c5d5026f83318",
        "253f8cb515780f3b799900260a226db6",
        "vgg19",
    ),
}


class Trained(NamedTuple):
    """Weights that come with this package, made by `python -m train.cifar`."""

    run: str  # the folder of the run in `saved_models/pretrained`
    sha256: str  # of its `model.weights.h5`


CIFAR10 = {
    "ResNet12Wide": Trained(
        "resnet12wide_cifar10", "e32f19184faec741b540763881751ad97252c85d39619c4ae6d6b681e459a3f5"
    ),
    "ResNet20": Trained(
        "resnet20_cifar10", "062c27865c39ba36a84b203a94cba0faed2fa1ceb026606bc785c042969e3f87"
    ),
    "ResNet32": Trained(
        "resnet32_cifar10", "3a474fe1ac2035692a02f99b67d88e07306dd8f4d3f819f83325d93980253e99"
    ),
    "ResNet20V2": Trained(
        "resnet20v2_cifar10", "0e06585852e15edb0967f2cbbea9dfeba1a01759fc8115d5a0d9102f2a86e074"
    ),
}
# Beside this package in a clone of the repository, in it where it was installed from a wheel.
PLACE = "saved_models/pretrained"
SAVED_MODELS = [Path(__file__).parents[2] / PLACE, Path(__file__).parents[1] / PLACE]


class Located(NamedTuple):
    """A weight file, and what the place where it was tells of it."""

    path: Path
    verified: bool = False  # whether its checksum is known here
    preprocessing: Preprocessing | None = None
    network: dict[str, Any] | None = None  # as a JSON object, see `families.from_json`
    classes: tuple[str, ...] = ()  # names, in order


def _locate_imagenet(row: Published, spec: Any, include_top: bool) -> Located:
    """Downloads weights, or finds them in Keras's cache."""
    file = f"{row.stem}_weights_tf_dim_ordering_tf_kernels{'' if include_top else '_notop'}.h5"
    url, hash = f"{URL}{row.folder}/{file}", row.with_top if include_top else row.without_top
    try:
        path = keras.utils.get_file(file, url, cache_subdir="models", file_hash=hash)
    except Exception as error:  # Keras raises just that
        raise InputError(
            f"cannot fetch {url} ({sentence(error)}): fetch it where there is a network, and give "
            "weights=PATH."
        ) from error
    return Located(Path(path), True, MODES[spec.preprocessing])


def _locate_trained(row: Trained, spec: Any, include_top: bool) -> Located:
    """Finds the run in `saved_models`; the head in its weights is left out where there is none."""
    name = Path(row.run, run_folder.WEIGHTS)
    path = next((root / name for root in SAVED_MODELS if (root / name).is_file()), None)
    if path is None:
        raise InputError(f"no {SAVED_MODELS[0] / name}: install this package again.")
    if sha256(path) != row.sha256:
        raise InputError(
            f"{path} is not the file of this package, its SHA-256 differs: install it again, or "
            "give weights=PATH to use it all the same."
        )
    run = run_folder.open_run(path.parent)
    return Located(path, True, run.preprocessing, classes=run.classes)


class PretrainedSet(NamedTuple):
    """A set of pretrained weights that has a name."""

    rows: Mapping[str, Any]  # by title of the network
    locate: Callable[[Any, Any, bool], Located]  # of a row, a network, and whether with its head
    classes: int


PRETRAINED = {
    "imagenet": PretrainedSet(IMAGENET, _locate_imagenet, 1000),
    "cifar10": PretrainedSet(CIFAR10, _locate_trained, 10),
}


def pretrained_entry(name: str, spec: Any) -> Any:
    """The row of a network in one of the `PRETRAINED`.

    Raises:
        InputError: if it has none.
    """
    for title, row in PRETRAINED[name].rows.items():
        if weight_signature(spec) == weight_signature(NETWORKS[title]):
            return row
    raise InputError(
        f"no {name!r} weights are published for this network, only for "
        f"{', '.join(PRETRAINED[name].rows)}: give weights=PATH, say of a checkpoint of "
        "torchvision or timm."
    )


def is_source(weights: Any) -> bool:
    """Whether something may stand for weights: a name, `hf://`, a run folder or a file."""
    if isinstance(weights, str) and (weights in PRETRAINED or hub.is_hub(weights)):
        return True
    try:
        place = check_path("weights", weights)
    except (InputError, TypeError):
        return False
    return is_file(place) or _run(place) is not None


def locate(weights: str | PathLike, spec: Any = None, include_top: bool = True) -> Located:
    """Finds weights; those of a name or on the Hub are fetched, if need be.

    Args:
        weights: A key of `PRETRAINED`, `hf://OWNER/NAME[@REVISION]`, a run folder, or a file.
        spec: The network, of which the `PRETRAINED` have several.
        include_top: Whether its head is wanted, which some of them have in another file.

    Raises:
        InputError: if there are none for this network, or they cannot be had.
        TypeError: if `weights` is no path.
    """
    if isinstance(weights, str) and weights in PRETRAINED:
        if spec is None:
            raise InputError(f"weights {weights!r} are of several networks: say of which.")
        return PRETRAINED[weights].locate(pretrained_entry(weights, spec), spec, include_top)
    if hub.is_hub(weights):
        return Located(hub.download(str(weights)))
    place = check_path("weights", weights)
    if (folder := _run(place)) is not None:
        run = run_folder.open_run(folder)
        return Located(run.path, False, run.preprocessing, run.network, run.classes)
    return Located(place)


def read(
    weights: str | PathLike, spec: Any = None, include_top: bool = True
) -> tuple[Located, Contents]:
    """Finds weights, see `locate`, and reads them, with what their place tells of them.

    Returns:
        Where they are, and what they are: network and preprocessing of the place, if it tells.

    Raises:
        InputError: if that fails.
    """
    found = locate(weights, spec, include_top)
    contents = loading.read(found.path, found.verified)
    if found.network:
        contents = contents._replace(spec=families.from_json(found.network))
    return found, contents._replace(preprocessing=found.preprocessing or contents.preprocessing)


def _run(place: Path) -> Path | None:
    try:
        return run_folder.find(place)
    except OSError:  # a folder that may not be entered
        return None
