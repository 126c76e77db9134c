"""The named networks: builders with the arguments of `keras.applications`."""

from dataclasses import fields, replace
from functools import partial

import keras

from keras_resnet import families, imagenet_utils
from keras_resnet.spec import NETWORKS
from keras_resnet.utils.errors import lookup

DIGITS = tuple("0123456789")


def _network(title: str):
    spec, name = NETWORKS[title], title.lower()
    legal = {field.name: field for field in fields(spec)}

    def build(
        include_top: bool = True,
        weights=None,
        input_tensor=None,
        input_shape=None,
        pooling: str | None = None,
        classes: int = spec.classes,
        classifier_activation="softmax",
        name: str = name,
        **changes,
    ) -> keras.Model:
        for key in changes:
            lookup(legal, key, "argument")
        return families.build(
            replace(spec, **changes),
            include_top=include_top,
            weights=weights,
            input_tensor=input_tensor,
            input_shape=input_shape,
            pooling=pooling,
            classes=classes,
            classifier_activation=classifier_activation,
            name=name,
        )

    build.__name__ = build.__qualname__ = title
    build.__doc__ = f"""{title}, with the arguments of `keras.applications`.

    {spec}

    Args:
        **changes: Other values for fields of this spec, such as `shortcut="C"`.

    The other arguments, the result and the errors are those of `keras_resnet.ResNet`.

    The builder has three attributes: `spec`; `preprocess_input(x, data_format=None)`, which
    prepares images 0 to 255 as the published weights expect them; and
    `decode_predictions(preds, top=5, classes=None)`, which names the most probable classes.
    """
    decode = imagenet_utils.decode_predictions
    if spec.input_shape[2] == 1:
        decode = partial(decode, classes=DIGITS)
    elif spec.classes == len(imagenet_utils.CIFAR10):
        decode = imagenet_utils.decode_cifar10
    build.__dict__.update(
        spec=spec,
        preprocess_input=imagenet_utils.PREPROCESSING[spec.preprocessing],
        decode_predictions=decode,
    )
    return build


ResNet18 = _network("ResNet18")
ResNet34 = _network("ResNet34")
ResNet50 = _network("ResNet50")
ResNet101 = _network("ResNet101")
ResNet152 = _network("ResNet152")
ResNet200 = _network("ResNet200")
ResNet18V2 = _network("ResNet18V2")
ResNet34V2 = _network("ResNet34V2")
ResNet50V2 = _network("ResNet50V2")
ResNet101V2 = _network("ResNet101V2")
ResNet152V2 = _network("ResNet152V2")
ResNet200V2 = _network("ResNet200V2")
ResNet18D = _network("ResNet18D")
ResNet34D = _network("ResNet34D")
ResNet50D = _network("ResNet50D")
ResNet101D = _network("ResNet101D")
ResNet152D = _network("ResNet152D")
ResNet200D = _network("ResNet200D")
PlainNet18 = _network("PlainNet18")
PlainNet34 = _network("PlainNet34")
ResNet8 = _network("ResNet8")
ResNet20 = _network("ResNet20")
ResNet32 = _network("ResNet32")
ResNet44 = _network("ResNet44")
ResNet56 = _network("ResNet56")
ResNet110 = _network("ResNet110")
ResNet1202 = _network("ResNet1202")
ResNet20V2 = _network("ResNet20V2")
ResNet32V2 = _network("ResNet32V2")
ResNet44V2 = _network("ResNet44V2")
ResNet56V2 = _network("ResNet56V2")
ResNet110V2 = _network("ResNet110V2")
ResNet164 = _network("ResNet164")
ResNet1001 = _network("ResNet1001")
ResNet164V2 = _network("ResNet164V2")
ResNet1001V2 = _network("ResNet1001V2")
ResNet12Wide = _network("ResNet12Wide")
PlainNet20 = _network("PlainNet20")
PlainNet32 = _network("PlainNet32")
PlainNet44 = _network("PlainNet44")
PlainNet56 = _network("PlainNet56")
PlainNet110 = _network("PlainNet110")
LeNet5 = _network("LeNet5")
LeNet5ReLU = _network("LeNet5ReLU")
AlexNet = _network("AlexNet")
AlexNetOWT = _network("AlexNetOWT")
AlexNetCifar = _network("AlexNetCifar")
VGG11 = _network("VGG11")
VGG13 = _network("VGG13")
VGG16 = _network("VGG16")
VGG19 = _network("VGG19")
VGG11BN = _network("VGG11BN")
VGG13BN = _network("VGG13BN")
VGG16BN = _network("VGG16BN")
VGG19BN = _network("VGG19BN")
VGG11Cifar = _network("VGG11Cifar")
VGG13Cifar = _network("VGG13Cifar")
VGG16Cifar = _network("VGG16Cifar")
VGG19Cifar = _network("VGG19Cifar")
GoogLeNet = _network("GoogLeNet")
GoogLeNetBN = _network("GoogLeNetBN")
GoogLeNetCifar = _network("GoogLeNetCifar")
