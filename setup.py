"""The distribution `keras-resnet-family`: the package `keras_resnet`, which says what a network is.

`train/` is run from a clone of the repository and is not installed; the extra `train` brings what
it needs.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "keras_resnet/__init__.py").read_text())

# Trained weights go into the package: there, they are found where there is no repository.
TRAINED = {
    f"keras_resnet.saved_models.pretrained.{folder.name}": folder.relative_to(ROOT).as_posix()
    for folder in sorted((ROOT / "saved_models/pretrained").iterdir())
}

# SavedModel and .tflite files: `keras_resnet.export`, `train.export`.
EXPORT = ["ai-edge-litert", "flatbuffers", "tensorflow>=2.21"]

# Training, scoring and predicting on either backend, from folders of images.
TRAINING = [
    "absl-py",
    "filelock>=4.3",  # fallback_to_soft
    "jinja2",
    "matplotlib",
    "pillow",
    "scikit-learn",
    "simplejpeg",  # libjpeg-turbo: the pixels of Pillow in half of the time
    "typing_extensions",
]

# All of `train/`, on TensorFlow: data of TFDS, and searches, too.
TRAIN = [
    *TRAINING,
    *EXPORT,
    "grpcio",  # KerasTuner's workers
    "importlib_resources",  # TFDS 4.9.10 forgets it (tensorflow/datasets#11212)
    "keras-tuner>=1.4.8,<1.5",  # search/oracles.py overrides private members
    "scipy",
    "tensorboard",  # KerasTuner imports it in every trial; TensorFlow no longer brings it
    "tensorflow-datasets",
]

LITERT = ["litert-quantizer"]
HUB = ["huggingface-hub"]
ONNX = ["onnx", "onnxruntime", "tf2onnx>=1.17"]  # 1.17: protobuf 5 and later

# What reads exported files, or examples, and was made by others.
CLIENTS = ["mediapipe", "openvino", "tree-sitter", "tree-sitter-kotlin", "tree-sitter-swift"]

setup(
    name="keras-resnet-family",
    version=VERSION.group(1),
    description="ResNet v1 and v2 for Keras, with every variant that the two papers compare",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    author="The keras_resnet authors",
    keywords=["keras", "resnet", "tflite", "litert", "cifar"],
    packages=[*find_packages(include=["keras_resnet", "keras_resnet.*"]), *TRAINED],
    package_dir=TRAINED,
    package_data={"keras_resnet": ["imagenet_classes.txt"]}
    | {name: ["labels.txt", "model.weights.h5", "run.json"] for name in TRAINED},
    python_requires=">=3.11",
    # keras: 3.15.1 mends holes in the loading of model files.
    install_requires=[
        "h5py",
        "keras>=3.15.1",
        "ml-dtypes",  # bfloat16
        "numpy",
        "pydantic",
        "safetensors",
    ],
    # Keras computes with what is installed: TensorFlow of `export` or `train`, or JAX of `jax`,
    # which is chosen by KERAS_BACKEND=jax. litert: another quantizer. hub: weights="hf://...".
    # onnx: `model.onnx`.
    extras_require={
        "export": EXPORT,
        "jax": [*TRAINING, "jax"],  # of a GPU: and "jax[cuda13]"
        "train": TRAIN,
        "litert": LITERT,
        "hub": HUB,
        "onnx": ONNX,
        "test": [
            *TRAIN,
            *LITERT,
            *CLIENTS,
            *HUB,
            *ONNX,
            "hypothesis",
            "ipykernel",
            "jax",
            "keras-hub",  # detectors and segmenters on our feature pyramid
            "mypy",
            "nbclient",
            "pytest",
            "pytest-xdist",
            "ruff",
        ],
        "docs": [*TRAIN, "pdoc"],
    },
)
