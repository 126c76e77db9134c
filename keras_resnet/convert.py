"""Networks from checkpoints of torchvision, timm and keras-hub, and back."""

from os import PathLike
from pathlib import Path

import keras

from keras_resnet import families
from keras_resnet.assembly import check_model
from keras_resnet.imagenet_utils import with_preprocessing
from keras_resnet.network import ResNet
from keras_resnet.utils.atomic import replacing
from keras_resnet.utils.errors import InputError, check_type
from keras_resnet.weights.layouts import TIMM_V2, TORCHVISION, infer, to_state
from keras_resnet.weights.loading import read, transfer
from keras_resnet.weights.readers import HEAD

# What must be the same for weights to mean the same.
_MEANING = ("strides", "padding", "use_bias", "epsilon", "pool_size")


def from_checkpoint(path: str | Path, **arguments) -> keras.Model:
    """Builds the network of a checkpoint, with its weights.

    Args:
        path: A checkpoint of a ResNet of torchvision or timm, `.safetensors`, or `.pth` and the
            like, for which torch is not needed: `resnet18` to `152`, `wide_resnet50_2`,
            `resnetv2_18` to `152`, with batch normalization and a plain stem; of Hugging Face
            transformers; of CIFAR networks with a 3x3 stem, as of
            akamaster/pytorch_resnet_cifar10; of torchvision's `alexnet`, `vgg11` to `vgg19_bn` and
            `googlenet`, whose auxiliary heads are left out. Any prefix of names, any place in the
            checkpoint of a training. Or the `model.weights.h5` of a keras-hub preset, which holds
            no head.
        **arguments: Of its builder, such as `include_top`, `classes` or `classifier_activation`.

    Returns:
        The network, with the same outputs as the source, as probabilities by default. Images must
        be prepared as for the source: `model.preprocess_input(x)` does it, for RGB, 0 to 255.

    Raises:
        InputError: if the file is not of such a network, naming what is left over or missing.
        TypeError: if `path` is no path.
    """
    check_type("path", path, str | PathLike, "a path")
    contents = read(path)
    if contents.spec is None:
        raise InputError(
            f"{path} does not say what network it is of: build that, and give it weights=PATH."
        )
    arguments = {"include_top": HEAD in contents.weights, **arguments}
    model = families.build(contents.spec, **arguments)
    classes = arguments.get("classes") or contents.spec.classes
    mode = transfer(contents, model, str(path), new_head=classes != contents.spec.classes)
    return with_preprocessing(model, mode)


def to_checkpoint(model: keras.Model, path: str | Path) -> None:
    """Writes the weights of a network as a `.safetensors` checkpoint that torchvision or timm load.

    Args:
        model: A network of this family that torchvision or, in pre-activation, timm has too. The
            activation of its head is left out: theirs end with the logits.
        path: `.safetensors`, replaced only once complete.

    Raises:
        InputError: if they have no such network, naming the first layer that differs.
        TypeError: if `model` is no `keras.Model`, or `path` no path.
    """
    from safetensors.numpy import save_file

    check_model(model)
    check_type("path", path, str | PathLike, "a path")
    if Path(path).suffix != ".safetensors":
        raise InputError(f"cannot write {path}: end its name in .safetensors.")
    layers = [layer for layer in model.layers if layer.weights]
    weights = {
        layer.name: {v.name: keras.ops.convert_to_numpy(v) for v in layer.weights}
        for layer in layers
    }
    layout = TIMM_V2 if "post_bn" in weights else TORCHVISION
    try:
        spec = infer(weights, layout)
        if spec.stem == "cifar":
            raise InputError("its stem is that of CIFAR networks.")
        _compare(model, ResNet(spec, include_top=HEAD in weights))
    except InputError as error:
        raise InputError(
            f"{model.name} is no residual network of torchvision or timm: {error}"
        ) from None
    with replacing(Path(path)) as partial:
        save_file(to_state(weights, layout), partial)


def _compare(model: keras.Model, other: keras.Model) -> None:
    """Checks that two networks are the same except for pooling, dropout and initialization."""
    free = (
        keras.layers.InputLayer,
        keras.layers.Dropout,
        keras.layers.GlobalAveragePooling2D,
        keras.layers.GlobalMaxPooling2D,
    )
    ours = {layer.name: _meaning(layer) for layer in model.layers if not isinstance(layer, free)}
    theirs = {layer.name: _meaning(layer) for layer in other.layers if not isinstance(layer, free)}
    for name in [*ours, *theirs]:
        if ours.get(name) != theirs.get(name):
            raise InputError(f"layer {name!r} is {ours.get(name)} here, {theirs.get(name)} there.")


def _meaning(layer: keras.Layer) -> str:
    config = layer.get_config()
    settings = [f"{key}={config[key]}" for key in _MEANING if key in config]
    settings += [f"{variable.name}={tuple(variable.shape)}" for variable in layer.weights]
    return f"{type(layer).__name__}({', '.join(settings)})"
