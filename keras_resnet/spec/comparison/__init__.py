"""The networks that ResNet was compared with, as plain data: the named ones. Standard library only.

Specs name what the papers left to others, and where published codes differ from the papers.
"""

from keras_resnet.spec.comparison.alexnet import AlexNetSpec
from keras_resnet.spec.comparison.googlenet import GoogLeNetSpec
from keras_resnet.spec.comparison.lenet import LeNetSpec
from keras_resnet.spec.comparison.vgg import VGGSpec

_VGG = {
    11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4),
}  # fmt: skip
_SMALL = 32, 32, 3  # images of CIFAR

ComparisonSpec = LeNetSpec | AlexNetSpec | VGGSpec | GoogLeNetSpec

COMPARISON: dict[str, ComparisonSpec] = {
    "LeNet5": LeNetSpec(),
    "LeNet5ReLU": LeNetSpec(form="relu"),
    "AlexNet": AlexNetSpec(),
    # Krizhevsky 2014, "One weird trick for parallelizing ...", as in torchvision: one tower.
    "AlexNetOWT": AlexNetSpec(
        widths=(64, 192, 384, 256, 256), groups=(1, 1, 1, 1, 1), normalized=()
    ),
    # "Small Alexnet" of Zhang et al. 2017, "Understanding deep learning requires rethinking ...",
    # appendix A; its 1,387,786 parameters are for crops of 28x28.
    "AlexNetCifar": AlexNetSpec(
        widths=(64, 64), kernels=(5, 5), groups=(1, 1), stride=1, normalized=(1, 2), pooled=(1, 2),
        hidden=(384, 192), dropout=0.0, input_shape=_SMALL, classes=10,
    ),
    **{f"VGG{depth}": VGGSpec(blocks) for depth, blocks in _VGG.items()},
    **{f"VGG{depth}BN": VGGSpec(blocks, batch_norm=True) for depth, blocks in _VGG.items()},
    # As in kuangliu/pytorch-cifar: batch normalization, and one dense layer.
    **{
        f"VGG{depth}Cifar": VGGSpec(
            blocks, batch_norm=True, hidden=(), input_shape=_SMALL, classes=10
        )
        for depth, blocks in _VGG.items()
    },
    "GoogLeNet": GoogLeNetSpec(),
    "GoogLeNetBN": GoogLeNetSpec(batch_norm=True, third_kernel=3, last_pool=2, dropout=0.2),
    # A quarter of the width: about the parameters and twice the operations of ResNet-20.
    "GoogLeNetCifar": GoogLeNetSpec(
        stem="cifar", batch_norm=True, width_multiplier=0.25, input_shape=_SMALL, classes=10
    ),
}  # fmt: skip
