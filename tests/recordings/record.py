"""Records what networks of other packages compute, for tests that run without those.

Each recording holds the names and shapes of a state dict, and the logits for weights that are a
pure function of those names. In an environment apart from TensorFlow's:

    pip install torch==2.13.0
    pip install --no-deps torchvision==0.28.0 timm==1.0.31 pillow safetensors pyyaml huggingface_hub
    python tests/recordings/record.py torchvision comparison timm

and in one with keras-hub 0.32.0: `python tests/recordings/record.py keras_hub`. With `--check` new
recordings are compared with those beside this file, and else replace them.
"""

import sys
import tempfile
from pathlib import Path
from zlib import crc32

import numpy as np

HERE = Path(__file__).parent
NETWORKS = {
    "torchvision": (
        "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2",
    ),
    "comparison": ("alexnet", "vgg11", "vgg16_bn", "googlenet"),  # of torchvision, too
    "timm": (
        "resnet50", "resnet18d", "resnet50d", "resnet26t", "resnetv2_18", "resnetv2_34",
        "resnetv2_50", "resnetv2_101",
    ),
    "keras_hub": ("basic_block", "bottleneck_block", "basic_block_v2", "bottleneck_block_v2"),
}  # fmt: skip


def images(side=64):
    """Two images, channels last; those of 64 have an odd height, as paddings differ there."""
    shape = (2, 67 if side == 64 else side, side, 3)
    return np.random.RandomState(0).standard_normal(shape).astype("float32")


def array(name, shape):
    """An array of a checkpoint: random, but the same for the same name.

    Every scale, shift, mean and variance differs from its initial value, so that each counts; the
    scales are small enough for activations to keep their size through 152 layers.
    """
    draw = np.random.RandomState(crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        return np.array(0)
    if name.endswith(("running_var", "moving_variance")):
        return draw.uniform(0.5, 1.5, shape).astype("float32")
    if len(shape) == 1 and name.endswith(("weight", "gamma")):
        return draw.uniform(0.3, 0.8, shape).astype("float32")
    # Torch has the outputs first, Keras last.
    inputs = np.prod(shape[:-1] if name.endswith("kernel") else shape[1:])
    std = 0.2 if len(shape) == 1 else np.sqrt(2 / inputs)
    return (draw.standard_normal(shape) * std).astype("float32")


def checkpoint(recording):
    """The state dict of a recording, rebuilt."""
    rows = zip(recording["names"], recording["shapes"], strict=True)
    return {str(n): array(str(n), tuple(int(k) for k in shape if k)) for n, shape in rows}


def torch_model(package, name):
    """A network of torchvision or timm."""
    import torch

    # torchvision has no build for a torch without CUDA; its models only need two names.
    for operator in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, operator):
            torch.library.define(
                f"torchvision::{operator}",
                "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
            )
    if package == "timm":
        import timm

        return timm.create_model(name, pretrained=False)
    import torchvision

    if name == "googlenet":
        return torchvision.models.googlenet(weights=None, init_weights=False)
    if name.startswith(("alexnet", "vgg")):
        return narrow(getattr(torchvision.models, name)())
    return getattr(torchvision.models, name)(weights=None)


def narrow(model):
    """An AlexNet or VGG with an eighth of its channels and units, as most of 138 million."""
    import torch

    def less(count):
        return count if count in (3, 1000) else count // 8

    for part in (model.features, model.classifier):
        for index, layer in enumerate(part):
            if isinstance(layer, torch.nn.Conv2d):
                part[index] = torch.nn.Conv2d(
                    less(layer.in_channels), less(layer.out_channels), layer.kernel_size,
                    layer.stride, layer.padding,
                )  # fmt: skip
            if isinstance(layer, torch.nn.BatchNorm2d):
                part[index] = torch.nn.BatchNorm2d(less(layer.num_features))
            if isinstance(layer, torch.nn.Linear):
                part[index] = torch.nn.Linear(less(layer.in_features), less(layer.out_features))
    return model


def record_torch(package, name):
    """Names and shapes of a state dict, and the logits."""
    import torch

    model = torch_model(package, name)
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    state = {key: torch.from_numpy(array(key, shape)) for key, shape in shapes.items()}
    model.load_state_dict(state, strict=True)
    model.eval()
    x = images(224 if name.startswith(("alexnet", "vgg")) else 64)  # they flatten their maps
    with torch.inference_mode():
        logits = model(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()
    padded = [shape + (0,) * (4 - len(shape)) for shape in shapes.values()]
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    return {
        "names": np.array(list(shapes)),
        "shapes": np.array(padded),
        "outputs": logits,
        "epsilon": np.unique([norm.eps for norm in norms]),
        "momentum": 1 - np.unique([norm.momentum for norm in norms]),
    }


def record_keras_hub(package, name):
    """Places, names and shapes of the arrays in a preset's weight file, and some last maps."""
    import h5py
    import keras_hub

    block, _, version = name.partition("_v")
    model = keras_hub.models.ResNetBackbone(
        [64], [7], [64, 128], [2, 2], [1, 2], block, version == "2", image_shape=(None, None, 3)
    )
    for layer in model.layers:
        for variable in layer.weights:
            variable.assign(array(f"{layer.name}.{variable.name}", variable.shape))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        model.save_to_preset(folder)
        with h5py.File(f"{folder}/model.weights.h5") as file:
            file.visititems(lambda key, node: rows.append((key, node)))
            rows = [(k, v.parent.attrs["name"], v.shape) for k, v in rows if hasattr(v, "shape")]
    places, names, shapes = zip(*rows, strict=True)
    norms = [layer for layer in model.layers if hasattr(layer, "epsilon")]
    return {
        "epsilon": np.unique([norm.epsilon for norm in norms]),
        "momentum": np.unique([norm.momentum for norm in norms]),
        "places": np.array(places),
        "names": np.array(names),
        "shapes": np.array([shape + (0,) * (4 - len(shape)) for shape in shapes]),
        "outputs": np.array(model(images(), training=False))[..., ::16],
    }


def main():
    """Writes or checks the recordings of the packages on the command line."""
    packages = [word for word in sys.argv[1:] if word != "--check"]
    for package in packages:
        for name in NETWORKS[package]:
            record = record_keras_hub if package == "keras_hub" else record_torch
            path, new = HERE / f"{package}_{name}.npz", record(package, name)
            if "--check" not in sys.argv:
                np.savez_compressed(path, **new)
            old = np.load(path)
            error = np.abs(old["outputs"] - new["outputs"]).max()
            print(f"{path.name:40} {path.stat().st_size:6} bytes  {error:.1e}")
            assert error < 1e-4, path
            assert all(np.array_equal(old[key], new[key]) for key in new if key != "outputs"), path


if __name__ == "__main__":
    main()
