"""The report of a run in a real browser, opened from the disk."""

import shutil

import numpy as np
import pytest

from tests.train.evaluation.example import evaluation
from train.data import sources
from train.evaluation.report import write_report
from train.settings.data import DataSettings

WIDTHS = [390, 1280]

needs_a_browser = pytest.mark.needs("chromium", "node", "npm")


@pytest.fixture(scope="module")
def seen(browse, digits_run, tmp_path_factory):
    """What a reader of the page sees; a class has the name of a script."""
    folder = tmp_path_factory.mktemp("report") / "a run & more"
    folder.mkdir()
    for name in ("run.json", "history.csv"):
        shutil.copy(digits_run / name, folder)
    data = sources.load(DataSettings("digits"), 32)
    classes = ["<script>document.title = 'owned'</script>", *data.classes[1:]]
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(10) / 5, len(data.test)).astype(np.float32)
    record = evaluation(probabilities, data.test.labels, classes)
    address = write_report(folder, record, data=data).as_uri()
    return browse("report.mjs", address=address, widths=WIDTHS) | {"address": address}


@needs_a_browser
def test_nothing_is_fetched_and_nothing_complains(seen):
    assert {url for url in seen["requests"] if not url.startswith("data:")} == {seen["address"]}
    assert seen["complaints"] == []
    assert seen["title"].startswith("resnet8 on digits: ")


@needs_a_browser
def test_a_phone_and_a_desktop_need_not_scroll_sideways(seen):
    assert all(seen["widths"][str(width)] <= width for width in WIDTHS)


@needs_a_browser
def test_it_is_light_or_dark_prints_in_light_and_can_be_read(seen):
    light, dark, printed = (seen["colors"][name]["paper"] for name in ("light", "dark", "print"))
    assert light == printed != dark
    for colors in seen["colors"].values():
        assert colors["worst"]["ratio"] >= 4.5, colors["worst"]


@needs_a_browser
def test_a_screen_reader_has_a_name_for_everything(seen):
    for role, (named, count) in seen["named"].items():
        assert named == count > 0, role
    assert seen["headings"][0] == "resnet8 on digits"
    assert seen["first"] == "To the results"


@needs_a_browser
def test_the_command_is_copied_as_it_is_typed(seen):
    assert seen["said"] == "Copied"
    assert seen["pasted"] == seen["line"].strip()
    assert seen["pasted"].startswith("python -m train.cifar --model=resnet8 --recipe=fast ")
    assert "\n" not in seen["pasted"]
