"""Networks from checkpoints of torchvision, timm and keras-hub, and back."""

from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import keras

from keras_resnet import families
from keras_resnet.imagenet_utils import with_preprocessing
from keras_resnet.network import ResNet
from keras_resnet.spec.blocks import STEMS
from keras_resnet.spec.config import NetworkConfig
from keras_resnet.spec.preprocessing import Preprocessing
from keras_resnet.utils.atomic import replacing
from keras_resnet.utils.errors import InputError, check_model, check_type
from keras_resnet.utils.fields import check_path
from keras_resnet.utils.files import sha256
from keras_resnet.utils.seeds import same_seeds
from keras_resnet.weights.layouts import TIMM_D, TIMM_V2, TORCHVISION, to_state
from keras_resnet.weights.loading import Contents, match, transfer
from keras_resnet.weights.pretrained import read
from keras_resnet.weights.readers import HEAD
from keras_resnet.weights.recognition import infer
from keras_resnet.weights.signature import check_same


class OpenedWeights(NamedTuple):
    """Weights, and all that is known of them."""

    source: str  # as it was given
    path: Path  # the file
    network: NetworkConfig  # that they are of
    preprocessing: Preprocessing | None  # of its images, if anything tells
    classes: tuple[str, ...]  # their names in order, if anything tells
    contents: Contents

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file, in hexadecimal."""
        return sha256(self.path)

    def without_head(self) -> "OpenedWeights":
        """The same for a network of other classes, even if there are as many."""
        weights = {name: row for name, row in self.contents.weights.items() if name != HEAD}
        return self._replace(contents=self.contents._replace(weights=weights))

    def load_into(self, model: keras.Model, new_head: bool = False) -> None:
        """Loads all weights into a model whose layers are those of the network, or none.

        Args:
            model: It may have more layers without weights, as for the normalization of images.
            new_head: Whether to keep its head if the file's has other classes.

        Raises:
            InputError: that names the first layer that does not match, and why.
            TypeError: if it is no `keras.Model`.
        """
        check_model(model)
        contents = self.contents
        if contents.config is None:  # names and shapes do not tell all: the network does
            with same_seeds():
                whole = families.build(self.network)
            contents = contents._replace(config={"config": whole.get_config()})
        transfer(contents, model, self.source, new_head=new_head)

    def load_rgb_into(self, model: keras.Model, new_head: bool = False) -> Preprocessing | None:
        """Loads weights so that the model takes RGB, whatever the order of theirs.

        Args:
            model: See `load_into`.
            new_head: See `load_into`.

        Returns:
            How its images are to be prepared now: `preprocessing`, but for the order of channels.

        Raises:
            InputError: that names the first layer that does not match, and why.
        """
        self.load_into(model, new_head)
        if self.preprocessing is None or self.preprocessing.channels == "RGB":
            return self.preprocessing
        first = next(la for la in model.layers if isinstance(la, keras.layers.Conv2D))
        first.kernel.assign(keras.ops.flip(first.kernel, axis=2))
        return replace(self.preprocessing, channels="RGB")


def open_weights(
    source: str | PathLike, network: NetworkConfig | None = None, include_top: bool = True
) -> OpenedWeights:
    """Finds weights, reads them, and tells what network they are of and how it wants its images.

    Args:
        source: `"hf://OWNER/NAME[@REVISION]"`, a run folder, or a weight file; or `"imagenet"` or
            `"cifar10"`, for a network.
        network: The network, where the source does not tell, as files of Keras do not. Where it
            does, it is compared.
        include_top: Whether the head is wanted, which `"imagenet"` has in another file.

    Returns:
        The weights. `network` is the source's own if that tells, with its classes.

    Raises:
        InputError: if there are none, they cannot be read, or are of another network.
        TypeError: if `source` is no path, or `network` no network.
    """
    check_type("source", source, str | PathLike, "a path, or hf://OWNER/NAME")
    if network is not None:
        families.family_of(network)  # or it is none
    found, contents = read(source, network, include_top)
    if contents.spec and network:
        advice = "leave the network out, as in no --model, and it is read from there"
        check_same(contents.spec, network, str(source), advice=advice)
    if (known := contents.spec or network) is None:
        raise InputError(
            f"{source} does not say what network it is of: say it, as with --model=resnet50, or "
            "build that, and give it weights=PATH."
        )
    how = contents.preprocessing
    return OpenedWeights(str(source), found.path, known, how, found.classes, contents)


def from_checkpoint(path: str | Path, **arguments) -> keras.Model:
    """Builds the network of a checkpoint, with its weights.

    Args:
        path: `"hf://OWNER/NAME[@REVISION]"`, a ResNet of timm or transformers on the Hugging Face
            Hub; the folder of a finished run; or a checkpoint of a ResNet of torchvision or timm,
            `.safetensors`, or `.pth` and the like, for which torch is not needed: `resnet18` to
            `152`, `resnet18d` to `200d`, `resnet10t` to `26t`, `wide_resnet50_2`, `resnetv2_18` to
            `152` with batch normalization and a plain stem; of Hugging Face transformers; of CIFAR
            networks with a 3x3 stem, as of akamaster/pytorch_resnet_cifar10; of torchvision's
            `alexnet`, `vgg11` to `vgg19_bn` and `googlenet`, whose auxiliary heads are left out.
            Any prefix of names, any place in the checkpoint of a training. Or the
            `model.weights.h5` of a keras-hub preset, which holds no head.
        **arguments: Of its builder, such as `include_top`, `classes` or `classifier_activation`. If
            one of the last two is given and the file has no head, there is a random one.

    Returns:
        The network, with the same outputs as the source, as probabilities by default. Images must
        be prepared as for the source: `model.preprocess_input(x)` does it, for RGB, 0 to 255.

    Raises:
        InputError: if the file is not of such a network, naming what is left over or missing; or if
            other `weights` are given.
        TypeError: if `path` is no path.
    """
    if "weights" in arguments:
        raise InputError(f"the weights are those of {path}: leave weights= out.")
    opened = open_weights(path)
    there = HEAD in opened.contents.weights
    asked = "classes" in arguments or "classifier_activation" in arguments
    arguments = {"include_top": there or asked, **arguments}
    model = families.build(opened.network, **arguments)
    classes = arguments.get("classes") or opened.network.classes
    opened.load_into(model, new_head=not there or classes != opened.network.classes)
    return with_preprocessing(model, opened.preprocessing)


def to_checkpoint(model: keras.Model, path: str | Path) -> None:
    """Writes the weights of a network as a `.safetensors` checkpoint that torchvision or timm load.

    Args:
        model: A network of this family that torchvision or, in pre-activation, timm has too. What
            is left out are the activation of its head, as theirs end with the logits, layers that
            rescale images, and dilation, which theirs take as an argument.
        path: `.safetensors`, replaced only once complete.

    Raises:
        InputError: if they have no such network, naming the first layer that differs.
        TypeError: if `model` is no `keras.Model`, or `path` no path.
    """
    from safetensors.numpy import save_file

    check_model(model)
    path = check_path("path", path)
    if path.suffix != ".safetensors":
        raise InputError(f"cannot write {path}: end its name in .safetensors.")
    layers = (layer for layer in model.layers if layer.weights)
    weights = {
        layer.name: {v.name: keras.ops.convert_to_numpy(v) for v in layer.weights}
        for layer in layers
    }
    layout = TIMM_D if "conv1_1_conv" in weights else TORCHVISION
    layout = TIMM_V2 if "post_bn" in weights else layout
    try:
        spec = infer(weights, layout)
        if STEMS[spec.stem].small_images:
            raise InputError("its stem is for small images.")
        if spec.shortcut == "A":
            raise InputError("it has no projection shortcuts, and theirs have: use B or D.")
        theirs = ResNet(spec, include_top=HEAD in weights)
        match(theirs, Contents(weights, config={"config": model.get_config()}))
    except InputError as error:
        raise InputError(
            f"a file of {model.name} would be of no network of torchvision or timm: {error}"
        ) from None
    with replacing(path) as partial:
        save_file(to_state(weights, layout), partial)
