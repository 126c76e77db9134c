"""Weights from a server that speaks the Hub's HTTP, by the real `huggingface_hub`."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image

from keras_resnet import InputError, Preprocessing, ResNet, Spec, to_checkpoint
from keras_resnet.weights import hub
from tests.keras_resnet.weights.hub_server import COMMIT, serve

SPEC = Spec(
    blocks=(1, 1, 1, 1), widths=(8, 8, 16, 16), shortcut="B", stem="imagenet",
    input_shape=(224, 224, 3), classes=7,
)  # fmt: skip
CONFIG = {  # as timm writes it
    "architecture": "resnet10",
    "num_classes": 7,
    "pretrained_cfg": {
        "input_size": [3, 160, 160],
        "interpolation": "bicubic",
        "crop_pct": 0.95,
        "mean": [0.5, 0.4, 0.3],
        "std": [0.2, 0.25, 0.5],
    },
}
# Each line of the output is what came of one source: the record, or the sentence.
CODE = """
import dataclasses, json, sys
import numpy as np
import keras_resnet
for source in sys.argv[1:]:
    try:
        model = keras_resnet.from_checkpoint(source, input_shape=(64, 64, 3))
    except keras_resnet.InputError as error:
        print(json.dumps(str(error)))
        continue
    image = np.full((1, 64, 64, 3), 100.0, "float32")
    prepared = model.preprocess_input(image)
    print(json.dumps({
        "preprocessing": dataclasses.asdict(model.preprocessing),
        "prepared": prepared[0, 0, 0].tolist(),
        "outputs": model.predict_on_batch(prepared)[0].tolist(),
    }))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The folder of the server, and the network of the model in it."""
    root = tmp_path_factory.mktemp("hub")
    (root / "timm/resnet10.test").mkdir(parents=True)
    (root / "timm/resnetaa10d.test").mkdir()
    (root / "timm/empty").mkdir()
    model = ResNet(SPEC, input_shape=(64, 64, 3))
    to_checkpoint(model, root / "timm/resnet10.test/model.safetensors")
    weights = (root / "timm/resnet10.test/model.safetensors").read_bytes()
    (root / "timm/resnet10.test/config.json").write_text(json.dumps(CONFIG))
    (root / "timm/resnetaa10d.test/model.safetensors").write_bytes(weights)
    other = CONFIG | {"architecture": "resnetaa10d"}
    (root / "timm/resnetaa10d.test/config.json").write_text(json.dumps(other))
    (root / "timm/vit").mkdir()
    (root / "timm/vit/config.json").write_text('{"model_type": "vit"}')
    (root / "timm/empty/config.json").write_text(json.dumps(CONFIG))
    return root, model


def test_models_of_the_hub(place, fresh_python, tmp_path):
    root, model = place

    def ask(*sources, **variables):
        variables = {"HF_HOME": str(tmp_path / "cache"), "KERAS_BACKEND": "numpy"} | variables
        printed = fresh_python("-c", CODE, *sources, **variables).stdout
        return [json.loads(line) for line in printed.splitlines()]

    source = "hf://timm/resnet10.test"
    with serve(root) as (address, log):
        found, tagged, missing, revision, odd, other, empty = ask(
            source, f"{source}@v1", "hf://timm/resnet11", f"{source}@v9",
            "hf://timm/resnetaa10d.test", "hf://timm/vit", "hf://timm/empty", HF_ENDPOINT=address,
        )  # fmt: skip
    expected = Preprocessing.of_unit(
        (0.5, 0.4, 0.3), (0.2, 0.25, 0.5), size=(160, 160), crop_ratio=0.95,
        interpolation="bicubic",
    )  # fmt: skip
    assert found["preprocessing"] == json.loads(json.dumps(asdict(expected)))
    assert found == tagged
    prepared = (np.full(3, 100 / 255) - (0.5, 0.4, 0.3)) / (0.2, 0.25, 0.5)
    np.testing.assert_allclose(found["prepared"], prepared, rtol=1e-5)
    image = np.broadcast_to(np.float32(prepared), (1, 64, 64, 3))
    np.testing.assert_allclose(found["outputs"], model.predict_on_batch(image)[0], atol=1e-5)
    assert missing.startswith("cannot fetch hf://timm/resnet11: there is no such model")
    assert "it has no revision 'v9'" in revision
    assert "architecture 'resnetaa10d', and this family has no such network" in odd
    assert "says no plain ResNet" in other
    files = "model.safetensors or pytorch_model.bin"
    assert empty == f"hf://timm/empty has no {files}: choose another model."
    weights = [line for line in log if line.startswith("GET") and "model.safetensors" in line]
    assert len(weights) == 1, "once for both revisions, and not of what is no network of ours"

    # The server is gone. What was fetched is there, and nothing else.
    cached, absent = ask(source, "hf://timm/resnet12", HF_HUB_OFFLINE="1")
    assert cached == found
    assert "it is not in the cache, and there is no way to the Hub" in absent

    # A file of the cache that is not what it was.
    (blob,) = (path for path in (tmp_path / "cache").rglob("blobs/*") if len(path.name) == 64)
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)
    (damaged,) = ask(f"{source}@{COMMIT}", HF_HUB_OFFLINE="1")
    assert "is not the file of hf://timm/resnet10.test" in damaged and str(blob) in damaged


USES = """
import json, sys
import numpy as np
import keras
import keras_resnet
from train import convert, finetune

photos, target, run = sys.argv[1:]
spec = keras_resnet.Spec(
    blocks=(1, 1, 1, 1), widths=(8, 8, 16, 16), shortcut="B", stem="imagenet",
    input_shape=(224, 224, 3), classes=7,
)
built = keras_resnet.ResNet(spec, weights="hf://timm/resnet10.test")
convert.run(source="hf://timm/resnet10.test", target=target)
image = np.random.default_rng(0).normal(size=(1, 224, 224, 3)).astype("float32")
outputs = [m.predict_on_batch(image).tolist() for m in (built, keras.saving.load_model(target))]
record = finetune.run(
    dataset=photos, weights="hf://timm/resnet10.test", image_size=64, head_only=True,
    validation_fraction=0.3, output_dir=run,
)
print(json.dumps([*outputs, record["weights"]["source"], record["normalization"]]))
"""


@pytest.mark.slow
def test_builders_conversion_and_fine_tuning_take_models_of_the_hub(place, fresh_python, tmp_path):
    root, model = place
    draw = np.random.default_rng(0)
    for number in range(24):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = draw.normal(60 + 120 * (number % 2), 20, (70, 64, 3)).clip(0, 255)
        Image.fromarray(pixels.astype("uint8")).save(path)
    places = (str(tmp_path / name) for name in ("photos", "converted.keras", "run"))
    with serve(root) as (address, _):
        printed = fresh_python(
            "-c", USES, *places, HF_HOME=str(tmp_path / "cache"), HF_ENDPOINT=address
        ).stdout
    built, converted, source, normalization = json.loads(printed.splitlines()[-1])
    whole = ResNet(SPEC)
    whole.set_weights(model.get_weights())
    image = np.random.default_rng(0).normal(size=(1, 224, 224, 3)).astype("float32")
    for outputs in (built, converted):
        np.testing.assert_allclose(outputs, whole.predict_on_batch(image), atol=1e-5)
    assert source == "hf://timm/resnet10.test"
    np.testing.assert_allclose(normalization["mean"], np.array([0.5, 0.4, 0.3]) * 255, rtol=1e-6)
    np.testing.assert_allclose(normalization["std"], np.array([0.2, 0.25, 0.5]) * 255, rtol=1e-6)


@pytest.mark.parametrize(
    "source", ["hf://", "hf://resnet18", "hf://a/b/c", "hf://a/b@", "hf://a b/c"]
)
def test_places_that_cannot_be_are_named(source):
    with pytest.raises(InputError, match="is no place on the Hugging Face Hub: write hf://OWNER"):
        hub.download(source)


def test_the_missing_package_is_named(python):
    code = (
        "import sys; sys.modules['huggingface_hub'] = None;"
        "from keras_resnet.weights import hub;"
        "hub.download('hf://timm/resnet18.a1_in1k')"
    )
    done = python("-c", code, check=False)
    assert "needs huggingface_hub, which is not installed: pip install" in done.stderr
    assert "'keras-resnet-family[hub]'" in done.stderr
