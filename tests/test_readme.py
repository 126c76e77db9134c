"""What the README and the documents show is run."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import keras_resnet
from docs import augmentations
from train.settings.recipes import RECIPES

ROOT = Path(__file__).parent.parent
DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): path.read_text().replace("\\\n", " ")
    for path in sorted(
        [
            *ROOT.glob("*.md"),
            *ROOT.glob("docs/*.md"),
            *ROOT.glob("docs/runs/*.md"),
            *ROOT.glob("examples/*.md"),
            *ROOT.glob("examples/*/*.md"),
            ROOT / "saved_models/README.md",
        ]
    )
}


def blocks(name):
    """The Python code that a document shows."""
    return re.findall(r"```python\n(.*?)```", DOCUMENTS[name], re.DOTALL)


def test_all_python_code_is_run_below():
    shown = {name: len(blocks(name)) for name in DOCUMENTS if blocks(name)}
    assert shown == {
        "README.md": 1,
        "docs/backbone.md": 4,
        "docs/export.md": 5,
        "docs/models.md": 4,
        "docs/train.md": 1,
        "docs/troubleshooting.md": 1,
    }


def test_the_quickstart_runs(monkeypatch, tmp_path):
    (quickstart,) = blocks("README.md")
    assert len([line for line in quickstart.splitlines() if line]) <= 12
    for number in range(6):
        folder = tmp_path / "photos/train" / ("cat", "dog", "owl")[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (40, 50, 3), "uint8")
        Image.fromarray(pixels).save(folder / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    names = {}
    # XLA, which Keras takes by itself, compiles for longer than all the rest runs.
    assert 'metrics=["accuracy"])' in quickstart
    exec(quickstart.replace('metrics=["accuracy"])', "jit_compile=False)"), names)
    assert names["model"].output_shape == (None, 3)
    files = {path.name for path in (tmp_path / "my_model").iterdir()}
    assert files == {"model.keras", "saved_model", "model.tflite"}


def test_the_library_examples_run(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    keras_resnet.to_checkpoint(keras_resnet.ResNet18(), "resnet18.safetensors")
    build, tune, convert, maps = blocks("docs/models.md")
    names = {}
    exec(build, names)
    assert names["spec"].depth == 110
    assert capsys.readouterr().out.split() == ["1826202", "266781312"]
    exec(tune, names)
    assert names["model"].output_shape == (None, 5)
    assert [layer.name for layer in names["model"].layers if layer.trainable_weights] == [
        "predictions"
    ]
    exec(convert, names)
    assert Path("again.safetensors").read_bytes() == Path("resnet18.safetensors").read_bytes()
    exec(maps, names)
    assert capsys.readouterr().out.strip() == "(None, None, None, 256) (None, None, None, 2048)"


def test_the_levels_of_the_documentation(capsys):
    """The detector and the segmenter run in `tests/clients/test_keras_hub.py`."""
    levels, *_ = blocks("docs/backbone.md")
    exec(levels, {})
    assert f"```\n{capsys.readouterr().out}```" in DOCUMENTS["docs/backbone.md"]


@pytest.mark.parametrize(
    ("network", "side"), [("ResNet8", 32), pytest.param("ResNet18V2", 224, marks=pytest.mark.slow)]
)
def test_the_examples_of_export_run(network, side, digits_run, capsys, monkeypatch, tmp_path):
    """The network does not matter here: that of the document takes ten seconds."""
    library, *_, client = blocks("docs/export.md")
    assert library.count("ResNet18V2") == library.count("224") == 2
    monkeypatch.chdir(tmp_path)
    exec(library.replace("ResNet18V2", network).replace("224", str(side)), {})
    assert {path.name for path in (tmp_path / "resnet18v2").iterdir()} == {
        "model.tflite",
        "model_float16.tflite",
    }
    monkeypatch.chdir(ROOT)
    exec(client.replace("saved_models/demo", str(digits_run)), {})
    assert capsys.readouterr().out.strip() in [*"0123456789"]


def test_all_three_files_say_the_same(digits_run, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    files = blocks("docs/export.md")[1:-1]
    assert len(files) == 3
    for block in files:
        assert len([line for line in block.splitlines() if line]) == 6
        exec(block.replace("saved_models/demo", str(digits_run)), {})
    said = capsys.readouterr().out.split()
    assert len(said) == 3
    assert len(set(said)) == 1


@pytest.mark.slow  # but for the words of the document, as in tests/train/test_cifar.py
def test_a_notebook_can_train(capsys, monkeypatch, tmp_path):
    (notebook,) = blocks("docs/train.md")
    monkeypatch.chdir(tmp_path)
    names = {}
    assert "epochs=2" in notebook
    exec(notebook.replace("epochs=2", 'epochs=1, image_size=8, blocks="1", widths="16"'), names)
    assert names["record"]["status"] == "finished"
    assert capsys.readouterr().out.split()[-1] == str(
        names["record"]["test"]["float32"]["accuracy"]
    )
    assert (tmp_path / "saved_models/digits/model.tflite").exists()


def test_the_example_of_deep_networks_runs(monkeypatch, tmp_path):
    """The name of the file does not matter here: a deep network would take a minute."""
    (deep,) = blocks("docs/troubleshooting.md")
    keras_resnet.ResNet8().save(tmp_path / "resnet1202.keras")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(deep, names)
    assert names["model"].count_params() == keras_resnet.ResNet8().count_params()


def test_the_table_of_networks_is_current():
    assert f"\n{keras_resnet.summary_table()}\n" in DOCUMENTS["docs/models.md"]


def described(recipe):
    """A recipe in the words of `docs/train.md`, by row of its table."""
    rates = {
        "one_cycle": f"one cycle with {100 * recipe.warmup:g} % warm-up",
        "step": "divided by 10 after 1/2 and 3/4",
    }
    rate = f"{recipe.learning_rate:g}, {rates[recipe.schedule]}"
    if recipe.schedule == "step" and recipe.warmup:
        rate += f", a tenth for the first {64_000 * recipe.warmup:g} steps"
    teacher = Path(recipe.teacher).name
    muon = "Muon for convolutions, SGD for the rest; " if recipe.optimizer == "muon" else "SGD, "
    return {
        "epochs, batch size": f"{recipe.epochs}, {recipe.batch_size}",
        "optimizer": f"{muon}{'Nesterov ' * recipe.nesterov}momentum {recipe.momentum:g}",
        "learning rate": rate,
        "weight decay (L2)": f"{recipe.weight_decay:.1e}".replace(".0e", "e").replace("e-0", "e-"),
        "flips": recipe.flip,
        "label smoothing": f"{recipe.label_smoothing:g}" if recipe.label_smoothing else "none",
        "targets": f"half labels, half those of `{teacher}`" if teacher else "labels",
        "CutMix": {0.0: "none", 0.5: "half of the images"}[recipe.cutmix],
    }


def test_the_table_of_recipes_is_current():
    section = DOCUMENTS["docs/train.md"].split("\n## Flags and recipes\n")[1].split("\n## ")[0]
    section = re.sub(r"\[(\w+)\]\(\S+\)", r"\1", section)  # links
    table = [line.strip("|").split("|") for line in section.splitlines() if line[:1] == "|"]
    (_, *titles), _, *rows = [[cell.strip() for cell in row] for row in table]
    names = re.findall(r"`(\w+)`", " ".join(titles))
    assert names == ["fast", "long", "distilled", "paper", "paper_v2"]
    said = {name: {} for name in names}
    for row, *cells in rows:
        before = ""
        for name, cell in zip(names, cells, strict=True):
            said[name][row] = before = cell.replace("the same", before)
    assert said == {name: described(RECIPES[name]) for name in names}


def test_the_recipes_of_photographs_are_current():
    paper, fast = RECIPES["imagenet_paper"], RECIPES["imagenet_fast"]
    decay = f"{paper.weight_decay:.0e}".replace("e-0", "e-")
    for text in (
        f"{paper.epochs} epochs of SGD, batches of {paper.batch_size}, learning rate divided by 10 "
        f"after {paper.epochs // 3} and {2 * paper.epochs // 3} epochs, weight decay {decay}, "
        f"{paper.crop} crops, lighting noise",
        f"{fast.epochs} epochs of Muon, batches of {fast.batch_size}, one cycle, crops of "
        f"{100 * fast.min_area:g} to 100 % of the area, label smoothing {fast.label_smoothing}",
    ):
        assert text in DOCUMENTS["docs/photographs.md"]


def test_the_table_of_weights_is_current():
    from keras_resnet.utils.files import sha256

    rows = re.findall(
        r"^\| `(\w+)` \|.*\| ([\d,]+) \| `(\w{8})` \|$", DOCUMENTS["docs/models.md"], re.MULTILINE
    )
    files = sorted(ROOT.glob("saved_models/pretrained/*/model.weights.h5"))
    assert {name: (size, sum) for name, size, sum in rows} == {
        path.parent.name: (f"{path.stat().st_size:,}", sha256(path)[:8]) for path in files
    }


def test_every_record_is_described():
    files = {path.name for path in (ROOT / "docs/runs").iterdir()} - {"README.md"}
    described = re.findall(r"^\| `(\S+)` \|", DOCUMENTS["docs/runs/README.md"], re.MULTILINE)
    assert sorted(described) == sorted(files)


def test_the_picture_of_augmentations_has_a_row_for_each_of_the_page():
    section = DOCUMENTS["docs/photographs.md"].split("\n## Augmentation\n")[1].split("\n## ")[0]
    described = set(re.findall(r"^\| `--(\w+)", section, re.MULTILINE)) - {"label_smoothing"}
    shown = {name for changes in augmentations.ROWS for name in changes}
    assert len(described) == 10 and described <= shown
    photographs = augmentations.sample_photographs()
    strips = [augmentations.epochs_of(photographs, changes) for changes in augmentations.ROWS]
    assert all((strip != strips[0]).any() for strip in strips[1:])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_placeholder_is_left(name):
    assert not re.search("@[A-Z]+@|TODO|FIXME", DOCUMENTS[name])


def anchors(text):
    """The anchors of headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name):
    text = re.sub(r"```.*?```", "", DOCUMENTS[name], flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        path = ((ROOT / name).parent / file).resolve() if file else ROOT / name
        assert path.exists(), link
        if anchor:
            assert anchor in anchors(path.read_text()), link


LINES = {
    line.strip()
    for text in DOCUMENTS.values()
    for line in re.findall(r"python -m (train\.\S+ [^`\n#]+)", text)
}


@pytest.mark.parametrize("line", sorted(LINES))
def test_every_flag_of_a_command_exists(line):
    module, *words = shlex.split(line)
    values = import_module(module).COMMAND.parse(words)
    for word in words:
        name, is_flag, value = word.removeprefix("--").partition("=")
        if is_flag and value.isalpha() and value not in ("true", "false"):
            assert getattr(values, name) == value


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_script_that_is_named_exists(name):
    for script in re.findall(r"python (\w+/\S+\.py)", DOCUMENTS[name]):
        assert (ROOT / script).exists() or name == "CHANGELOG.md", script
