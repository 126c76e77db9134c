"""The notebooks run from the first cell to the last, as a reader would run them."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parent.parent / "examples"
QUICK = {
    "papers": {"DEPTH = 56": "DEPTH = 14", "EPOCHS = 12": "EPOCHS = 1"}
}  # what makes one as small as it can be


def run(name, changes):
    """What each cell printed."""
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", 4)
    for old, new in changes.items():
        cells = [cell for cell in notebook.cells if old in cell.source]
        assert cells, f"{name} has no {old!r}"
        for cell in cells:
            cell.source = cell.source.replace(old, new)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": EXAMPLES}}).execute()
    return [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])]


@pytest.mark.parametrize("name", QUICK)
def test_a_notebook_runs(name):
    assert any("Tables and pictures" in text for text in run(name, QUICK[name]))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.ipynb")))
def test_a_notebook_runs_as_it_is(name):
    assert run(name, {})
