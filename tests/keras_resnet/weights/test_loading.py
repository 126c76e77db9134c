"""Weight files in and out, against keras.applications."""

import hashlib
import json
import re
import shutil
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from zipfile import ZipFile

import h5py
import keras
import numpy as np
import pytest

import keras_resnet
from keras_resnet import InputError, ResNet, ResNet8, ResNet20, cifar
from keras_resnet.spec.presets import SPECS
from keras_resnet.weights import loading, pretrained

IMAGES = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32")
SMALL = {"input_shape": (64, 64, 3), "classes": 10}
SUFFIXES = [".weights.h5", ".h5", ".keras"]


def small(version):
    """A network of two stages by the code of keras.applications, and the spec of ours."""
    code = keras.src.applications.resnet
    stack = getattr(code, f"stack_residual_blocks_v{version}")
    strides = {1: (1, 2), 2: (2, 1)}[version]

    def stages(x):
        for stage, (filters, stride) in enumerate(zip((64, 128), strides, strict=True), 2):
            x = stack(x, filters, 2, stride1=stride, name=f"conv{stage}")
        return x

    spec = SPECS["ResNet50V2" if version == 2 else "ResNet50"]
    spec = replace(spec, blocks=(2, 2), widths=(64, 128))
    return code.ResNet(stages, version == 2, True, weights=None, **SMALL), partial(ResNet, spec)


def named(name):
    return getattr(keras.applications, name)(weights=None, **SMALL), getattr(keras_resnet, name)


TWINS = {"v1": partial(small, 1), "v2": partial(small, 2)}
TWINS |= {name: partial(named, name) for name in ("ResNet50", "ResNet50V2")}
# Suffixes do not depend on the version, and how layers are named does.
QUICK = [*(("v1", suffix) for suffix in SUFFIXES), ("v2", ".h5")]
PAIRS = [
    pytest.param(name, suffix, marks=() if (name, suffix) in QUICK else pytest.mark.slow)
    for name in TWINS
    for suffix in SUFFIXES
]


def save(model, path):
    if path.name.endswith(".weights.h5"):
        model.save_weights(path)
    else:
        model.save(path)


def zeroed(model):
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize(("name", "suffix"), PAIRS)
def test_files_go_over_both_ways_and_give_the_same_outputs(name, suffix, tmp_path):
    theirs, build = TWINS[name]()
    ours, path = build(**SMALL), tmp_path / f"model{suffix}"
    outputs = np.array(theirs(IMAGES, training=False))

    def is_the_same(model):
        np.testing.assert_allclose(model(IMAGES, training=False), outputs, atol=1e-5)

    save(theirs, path)
    zeroed(ours).load_weights(path)
    is_the_same(ours)
    is_the_same(build(weights=path, **SMALL))
    save(ours, path)
    zeroed(theirs).load_weights(path)
    is_the_same(theirs)
    if suffix == ".h5":  # the only one that Keras loads by name
        zeroed(theirs).load_weights(path, by_name=True)
        is_the_same(theirs)
        save(theirs, path)
        zeroed(ours).load_weights(path, by_name=True)
        is_the_same(ours)


REFUSED = [
    {"weights": "imagnet"},
    {"weights": "imagenet", "classes": 10},
    {"weights": "imagenet", "input_shape": (200, 200, 3)},
    {"weights": "imagenet", "include_top": False, "input_shape": (64, 64, 1)},
    {"weights": None, "input_shape": (31, 64, 3)},
    {"weights": None, "include_top": False, "input_shape": (64, 31, 3)},
    {"weights": None, "input_shape": (64, 64)},
]


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_keras_applications_refuses_is_refused_in_its_words(arguments):
    with pytest.raises(ValueError) as theirs:
        keras.applications.ResNet50(**arguments)
    words = " ".join(str(theirs.value).split())
    with pytest.raises(ValueError) as ours:
        keras_resnet.ResNet50(**arguments)
    said = " ".join(str(ours.value).split())
    assert said[:40] == words[:40]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of one ResNet-8 by suffix, and the network."""
    folder, model = tmp_path_factory.mktemp("weights"), ResNet8()
    saved = {suffix: folder / f"resnet8{suffix}" for suffix in SUFFIXES}
    for path in saved.values():
        save(model, path)
    return saved, model


def equal(ours, theirs, head=True):
    for layer in ours.layers:
        if layer.weights and (head or layer.name != "predictions"):
            pairs = zip(
                layer.get_weights(), theirs.get_layer(layer.name).get_weights(), strict=True
            )
            assert all(np.array_equal(a, b) for a, b in pairs), layer.name
    return True


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_other_classes_keep_the_backbone_and_get_a_new_head(files, suffix):
    saved, model = files
    tuned = ResNet8(weights=saved[suffix], classes=3)
    assert tuned.output_shape == (None, 3)
    assert equal(tuned, model, head=False)
    assert equal(ResNet8(weights=saved[suffix], include_top=False), model)


def test_a_head_that_fits_other_classes_is_loaded(tmp_path):
    path, model = tmp_path / "three.weights.h5", ResNet8(classes=3)
    model.save_weights(path)
    assert equal(ResNet8(weights=path, classes=3), model)
    with pytest.raises(
        InputError,
        match=r"the kernel of layer 'predictions' is \(64, 3\) in the file.*classes=N as in",
    ):
        ResNet8(weights=path)  # ten classes were not asked for


def test_a_file_that_does_not_fit_leaves_all_weights_as_they_are(files):
    # Only the last stage differs.
    model = ResNet(replace(cifar(8), widths=(16, 32, 65)), include_top=False)
    before = model.get_weights()
    with pytest.raises(InputError, match="conv4_block1"):
        loading.transfer(loading.read(files[0][".keras"]), model, "x.keras", cifar(8))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_renamed_layers_in_files_without_order_are_named(tmp_path):
    def renamed(layer):
        return type(layer).from_config({**layer.get_config(), "name": f"my_{layer.name}"})

    clone = keras.models.clone_model(ResNet8(), clone_function=renamed)
    clone.save_weights(tmp_path / "clone.weights.h5")
    with pytest.raises(InputError, match="the file has no layer 'conv1_conv'"):
        ResNet8(weights=tmp_path / "clone.weights.h5")


@pytest.mark.parametrize(
    "suffix",
    [
        pytest.param(suffix, marks=pytest.mark.slow if suffix == ".h5" else ())
        for suffix in SUFFIXES
    ],
)
@pytest.mark.parametrize(
    ("build", "arguments", "message"),
    [
        (ResNet20, {}, "resnet20: the file has no layer 'conv2_block2_1_conv'"),
        (ResNet8, {"input_shape": (32, 32, 1)}, r"'conv1_conv' is \(3, 3, 3, 16\) in the file"),
        (ResNet8, {"width_multiplier": 2}, "the kernel of layer 'conv2_block1_1_conv' is"),
        (
            partial(ResNet, cifar(8, blocks=(1, 1), widths=(16, 32)), include_top=False),
            {},
            "the file has a layer 'conv4_block1_1_(bn|conv)' which the network lacks",
        ),
    ],
)
def test_a_file_that_does_not_fit_says_why(files, suffix, build, arguments, message):
    with pytest.raises(InputError, match=message) as error:
        build(weights=files[0][suffix], **arguments)
    assert str(files[0][suffix]) in str(error.value)


def test_a_file_without_the_top_says_so(tmp_path):
    path = tmp_path / "notop.weights.h5"
    ResNet8(include_top=False).save_weights(path)
    with pytest.raises(InputError, match="without the top, so use include_top=False"):
        ResNet8(weights=path)
    assert ResNet8(weights=path, classes=4).output_shape == (None, 4)


def rename(path, layers):
    """Gives layers of a legacy file other names, in their order."""
    with h5py.File(path, "r+") as file:
        root = file["model_weights"]
        for old, new in layers.items():
            root.move(old, new)
        names = [layers.get(name, name) for name in root.attrs["layer_names"]]
        root.attrs["layer_names"] = names


def test_legacy_files_with_other_names_load_by_order(files, tmp_path):
    path = shutil.copy(files[0][".h5"], tmp_path / "renamed.h5")
    rename(path, {"predictions": "probs", "conv1_conv": "z", "conv1_bn": "a"})
    assert equal(ResNet8(weights=path), files[1])


def test_long_lists_of_layers_are_cut_in_legacy_files(tmp_path):
    path, model = tmp_path / "x.h5", ResNet8()
    model.save(path)
    with h5py.File(path, "r+") as file:
        attributes = file["model_weights"].attrs
        names = list(attributes["layer_names"])
        del attributes["layer_names"]
        for i in range(12):  # so that 10 comes after 9
            attributes[f"layer_names{i}"] = names[4 * i : 4 * i + 4]
    rename_all = {layer.name: f"x{i}" for i, layer in enumerate(model.layers)}
    with h5py.File(path, "r+") as file:
        root = file["model_weights"]
        for old, new in rename_all.items():
            root.move(old, new)
        for key in list(root.attrs):
            if key.startswith("layer_names"):
                root.attrs[key] = [rename_all[name] for name in root.attrs[key]]
    assert equal(ResNet8(weights=path), model)


def test_damaged_and_deceitful_files(files, tmp_path):
    for suffix, file in files[0].items():
        cut = tmp_path / f"cut{suffix}"
        cut.write_bytes(file.read_bytes()[:1000])
        with pytest.raises(InputError, match=f"cannot read weights from {cut}"):
            ResNet8(weights=cut)
    with pytest.raises(InputError, match=r"use a file .keras, .h5"):
        ResNet8(weights=__file__)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.zeros(3)
    with pytest.raises(InputError, match="holds 'x', which belongs to no layer"):
        ResNet8(weights=tmp_path / "other.h5")
    bomb = shutil.copy(files[0][".weights.h5"], tmp_path / "bomb.weights.h5")
    with h5py.File(bomb, "r+") as file:
        place = file["layers/conv2d/vars"]
        del place["0"]
        place.create_dataset("0", (10**5, 10**5), "f4", chunks=(100, 100), compression="gzip")
    with pytest.raises(InputError, match="'conv2d/vars/0' is not stored in the file"):
        ResNet8(weights=bomb)
    bent = tmp_path / "bent.keras"
    with ZipFile(files[0][".keras"]) as whole, ZipFile(bent, "w") as archive:
        for name in whole.namelist():
            content = whole.read(name)
            if name == "config.json":
                history = rb'"keras_history": \[[^]]*\]'
                content = re.sub(history, b'"keras_history": []', content, count=1)
            archive.writestr(name, content)
    with pytest.raises(InputError, match="the architecture in the file is damaged"):
        ResNet8(weights=bent)
    old = shutil.copy(files[0][".weights.h5"], tmp_path / "old.weights.h5")
    with h5py.File(old, "r+") as file:
        del file["layers/conv2d/vars"].attrs["name"]
    with pytest.raises(InputError, match="names no layers: it was written by an early Keras 3"):
        ResNet8(weights=old)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder served on this machine in the place of Keras's, and an empty cache."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    folder = tmp_path / "server/resnet"
    folder.mkdir(parents=True)
    handler = partial(Quiet, directory=folder.parent)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        monkeypatch.setattr(pretrained, "URL", f"http://127.0.0.1:{http.server_port}/")
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "cache"))
        yield folder
        http.shutdown()


def test_imagenet_weights_are_fetched_checked_and_loaded(server, monkeypatch):
    model = keras.applications.ResNet50V2(weights=None)
    path = server / "resnet50v2_weights_tf_dim_ordering_tf_kernels.h5"
    model.save(path)
    rename(path, {"predictions": "probs"})  # as in the files of 2019
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    row = pretrained.IMAGENET["ResNet50V2"]._replace(with_top=digest)
    monkeypatch.setitem(pretrained.IMAGENET, "ResNet50V2", row)
    assert equal(keras_resnet.ResNet50V2(weights="imagenet"), model)
    path.unlink()  # the second time they come from the cache
    assert pretrained.locate("imagenet", SPECS["ResNet50V2"], include_top=True).path.read_bytes()
    monkeypatch.setitem(pretrained.IMAGENET, "ResNet50V2", row._replace(without_top="0" * 32))
    (server / "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5").write_bytes(b"wrong")
    with pytest.raises(InputError, match=r"cannot fetch http://127.*give weights=PATH"):
        keras_resnet.ResNet50V2(weights="imagenet", include_top=False)


def test_imagenet_weights_exist_for_some_networks_only(monkeypatch, tmp_path):
    theirs = keras.src.applications.resnet.WEIGHTS_HASHES
    rows = [row for row in pretrained.IMAGENET.values() if row.folder == "resnet"]
    ours = {row.stem: (row.with_top, row.without_top) for row in rows}
    assert len(ours) == 6
    assert ours == {name: theirs[name] for name in ours}
    with pytest.raises(InputError, match="no 'imagenet' weights are published for this network"):
        keras_resnet.ResNet18(weights="imagenet")
    with pytest.raises(InputError, match="no 'imagenet' weights are published"):
        keras_resnet.ResNet50(weights="imagenet", shortcut="C")
    monkeypatch.setattr(pretrained, "URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(InputError, match="cannot fetch"):
        pretrained.locate("imagenet", SPECS["ResNet50"], include_top=True)


@pytest.mark.parametrize("title", pretrained.CIFAR10)
def test_cifar10_weights_come_with_the_package_as_their_run_made_them(title):
    row, build = pretrained.CIFAR10[title], getattr(keras_resnet, title)
    folder = pretrained.SAVED_MODELS[0] / row.run
    record = json.loads((folder / "run.json").read_text())
    assert (record["status"], record["model"]) == ("finished", title.lower())
    assert record["data"]["name"] == "cifar10"
    names = tuple((folder / "labels.txt").read_text().splitlines())
    assert names == keras_resnet.imagenet_utils.CIFAR10
    scale = record["normalization"]
    raw = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
    prepared = build.preprocess_input(raw.copy())
    by_run = (raw - scale["mean"]) / scale["std"]
    np.testing.assert_allclose(prepared, by_run, atol=1e-4)


@pytest.mark.parametrize("title", pretrained.CIFAR10)
def test_cifar10_weights_are_loaded_with_and_without_a_head(title):
    build = getattr(keras_resnet, title)
    model = build(weights="cifar10")
    path = pretrained.SAVED_MODELS[0] / pretrained.CIFAR10[title].run / "model.weights.h5"
    assert equal(model, build(weights=path))
    bare = build(weights="cifar10", include_top=False)
    for one, whole in zip(bare.get_weights(), model.get_weights(), strict=False):
        np.testing.assert_array_equal(one, whole)


def test_cifar10_weights_are_checked(monkeypatch, tmp_path):
    with pytest.raises(InputError, match="no 'cifar10' weights are published for this network"):
        keras_resnet.ResNet50(weights="cifar10")
    with pytest.raises(InputError, match="no 'cifar10' weights are published"):
        keras_resnet.ResNet20(weights="cifar10", shortcut="B")
    with pytest.raises(InputError, match=r"`classes` should be 10\. Received classes=7"):
        keras_resnet.ResNet20(weights="cifar10", classes=7)
    with pytest.raises(InputError, match="`input_shape` should be"):
        keras_resnet.ResNet20(weights="cifar10", input_shape=(64, 64, 3))
    monkeypatch.setattr(pretrained, "SAVED_MODELS", [tmp_path])
    with pytest.raises(InputError, match="install this package again"):
        keras_resnet.ResNet20(weights="cifar10")
    path = tmp_path / pretrained.CIFAR10["ResNet20"].run / "model.weights.h5"
    path.parent.mkdir()
    path.write_bytes(b"other bytes")
    with pytest.raises(InputError, match="is not the file of this package, its SHA-256 differs"):
        keras_resnet.ResNet20(weights="cifar10")
