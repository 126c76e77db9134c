"""The notebooks run from the first cell to the last, as a reader would run them."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

EXAMPLES = Path(__file__).parent.parent / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))
COLORS = {"blue": (40, 60, 200), "red": (200, 60, 40), "grey": (120, 120, 120)}


def run(name, parameters=""):
    """Runs a notebook; code goes behind its cell tagged `parameters`, as papermill puts it."""
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", 4)
    if parameters:
        tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
        place = next(i for i, some in enumerate(tags) if "parameters" in some)
        notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(parameters))
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": EXAMPLES}})
    client.execute()
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def pictures(outputs):
    return sum("image/png" in output.get("data", {}) for output in outputs)


@pytest.fixture
def photos(tmp_path):
    """A small folder of photographs: wide ones, and one of each class that EXIF turns."""
    draw, turned = np.random.default_rng(0), Image.Exif()
    turned[0x0112] = 6
    for name, color in COLORS.items():
        folder = tmp_path / "my photos" / name
        folder.mkdir(parents=True)
        for number in range(20):
            pixels = draw.normal(color, 25, (40, 60, 3)).clip(0, 255).astype("uint8")
            exif = {} if number else {"exif": turned}
            Image.fromarray(pixels).save(folder / f"{number}.jpg", **exif)
    return tmp_path / "my photos"


@pytest.mark.slow
def test_the_notebook_of_the_papers_runs():
    assert pictures(run("papers"))


@pytest.mark.slow
def test_the_notebook_of_photographs_runs(photos, tmp_path):
    outputs = run(
        "photos",
        f"FOLDER, RUN, SIDE, MINUTES = {str(photos)!r}, {str(tmp_path / 'run')!r}, 32, 0.5\n"
        "MODEL, WEIGHTS = 'resnet20', 'cifar10'",
    )
    said = "".join(output.get("text", "") for output in outputs)
    assert "3 turned by EXIF" in said
    assert "model_int8.tflite" in said and "MB  " in said
    truth = said.rsplit("in truth: ", 1)
    assert truth[0].rstrip().splitlines()[-3].split()[0] == truth[1].strip()  # the first answer
    assert pictures(outputs) == 2


def texts(outputs):
    return [output.get("text", "") for some in outputs for output in some]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_carry_nothing_of_the_machine_they_were_made_on(path):
    outputs = [cell.get("outputs", []) for cell in nbformat.read(path, 4).cells]
    assert any(outputs)
    paths = re.findall(r"(?<![\w.:/<+])/[A-Za-z]+/\w[^\s'\"\\]*", str(texts(outputs)))
    assert not [path for path in paths if not path.startswith("/tmp/")]  # its name says nothing
