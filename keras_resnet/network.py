"""From a `Spec` to a Keras model: one residual function builds every network of both papers."""

import keras
from keras import layers

from keras_resnet.assembly import assemble, predictions
from keras_resnet.layers import POOLS, WEIGHINGS, apply_ops, conv, shortcut
from keras_resnet.spec.blocks import ACTIVATION_ORDERS, SHORTCUTS, STEMS, VARIANTS
from keras_resnet.spec.spec import Spec
from keras_resnet.utils.errors import shorten


def residual(x, spec: Spec, stage: int, index: int):
    """One residual block: `add(shortcut(x), branch(x))`, in the spec's activation order."""
    order, variant = ACTIVATION_ORDERS[spec.activation_order], VARIANTS[spec.variant]
    name, branch = f"conv{stage + 2}_block{index + 1}", spec.branch(stage, index)
    y = active = apply_ops(order.enter, x, variant, f"{name}_preact")
    raw = active if variant.fork_active and stage == index == 0 else x
    filters, stride = branch[-1].filters, spec.block_stride(stage, index)
    option = SHORTCUTS[spec.shortcut]
    skip = shortcut(option, raw, active, filters, stride, order.leave, variant, f"{name}_0")
    for i, step in enumerate(branch, 1):
        y = conv(y, *step, variant, f"{name}_{i}")
    if skip is not None:
        skip, y = WEIGHINGS[option.weigh](skip, y, active, stride, name=name)
        y = layers.Add(name=f"{name}_add" if order.after else f"{name}_out")([skip, y])
    return apply_ops(order.after, y, variant, name, out=f"{name}_out")


def features(x, spec: Spec):
    """Everything between the image and the head: stem, stages of blocks, last activation."""
    order, variant = ACTIVATION_ORDERS[spec.activation_order], VARIANTS[spec.variant]
    *before, last = spec.stem_convs()
    for i, step in enumerate(before, 1):
        x = conv(x, *step, variant, f"conv1_{i}")
    x = conv(x, *last, variant, "conv1")
    x = POOLS[variant.pool_padding](x, "pool1") if STEMS[spec.stem].pool else x
    for stage, blocks in enumerate(spec.blocks):
        for index in range(blocks):
            x = residual(x, spec, stage, index)
    return apply_ops(order.enter, x, variant, "post")  # the head begins as every block does


def classifier(x, spec: Spec, classes: int, activation):
    """Average pooling, then the classes."""
    return predictions(layers.GlobalAveragePooling2D(name="avg_pool")(x), classes, activation)


def ResNet(
    spec: Spec,
    include_top: bool = True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling: str | None = None,
    classes: int | None = None,
    classifier_activation="softmax",
    name: str = "resnet",
) -> keras.Model:
    """Builds the network that a `Spec` describes, with the arguments of `keras.applications`.

    Args:
        spec: The network.
        include_top: Whether to end with average pooling and the dense layer `predictions`.
        weights: `None` (random initialization), `"imagenet"` (the weights that
            `keras.applications` has for this network, downloaded once), `"cifar10"` (trained
            here, in `saved_models` with the record of its run), `"hf://OWNER/NAME[@REVISION]"` (a
            ResNet of timm or transformers on the Hugging Face Hub), the folder of a finished run,
            or the path of a weight file: `.keras`, `.weights.h5`, `.h5`, or a checkpoint of
            torchvision, timm or transformers, `.safetensors`, `.pth`, `.bin`... The default is
            `None`, unlike in `keras.applications`, so that a call needs no internet connection.
            Of weights whose origin is known, `model.preprocess_input(x)` prepares images, RGB, 0
            to 255, and `model.preprocessing` says how.
        input_tensor: A Keras tensor to use as image input, in place of a new `keras.Input`; its
            size is not checked.
        input_shape: `(height, width, channels)`, or channels first if Keras is set so. By default
            the spec's own shape with the top, and images of any size without it. Images are float
            and already normalized, to about zero mean and unit variance in each channel.
        pooling: Without the top: `None` for the feature maps, `"avg"` or `"max"` to pool them.
        classes: Number of classes; by default the spec's own. If others are given, and the head in
            the weight file does not match, the new head keeps its random initialization.
        classifier_activation: Activation of the top, by name or as a function; `None` returns the
            logits. With weights it is `None` or softmax.
        name: The model's name.

    Returns:
        A functional `keras.Model` of stock layers: `(batch, height, width, channels)` float to
        `(batch, classes)` float32; without the top `(batch, height / s, width / s, features)`, `s`
        being `spec.stride`, or `(batch, features)` if pooled.

    Raises:
        InputError: a `ValueError`, for impossible arguments; messages begin as in
            `keras.applications`, but an unknown `pooling` is an error here.
        TypeError: if `spec` is no `Spec`.
    """
    if not isinstance(spec, Spec):
        raise TypeError(
            f"spec must be a keras_resnet.Spec; got {shorten(spec)}: named networks are "
            "keras_resnet.ResNet20() and so on."
        )
    return assemble(
        spec,
        features,
        classifier,
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
    )
