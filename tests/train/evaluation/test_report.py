"""The page that a person reads: what it shows, and what it must never do."""

import re
from base64 import b64encode
from collections import Counter
from dataclasses import asdict
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from keras_resnet import InputError, cifar, families
from keras_resnet.utils.schema import write_json
from tests.train.evaluation.example import evaluation
from train.data.dataset import Data, Split
from train.evaluation.report import compared, write_report
from train.settings.execution import Execution
from train.settings.recipes import FAST

pytestmark = pytest.mark.unit

EVIL = "<script>alert(1)</script>"
CLASSES = ["cat", EVIL, "$x_1$ & 'dog'"]


class Page(HTMLParser):
    """What a browser or a screen reader finds in a page."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self._within = [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._within.append(tag)

    def handle_data(self, data):
        if self._within and self._within[-1] not in ("style", "script"):
            self.text += data

    def all(self, *tags):
        return [attributes for tag, attributes in self.elements if tag in tags]

    def sections(self):
        return [attributes["id"] for attributes in self.all("section")]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 8, 8, 3)).astype(np.uint8)
    labels = np.arange(40, dtype=np.int32) % 3
    test = images[:12].copy()
    test[3:] = 255 - test[3:]  # three test images are training images, too
    return Data("pets", tuple(CLASSES), Split(images, labels), Split(test, labels[:12]))


@pytest.fixture(scope="module")
def scored(data):
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.ones(3) / 2, len(data.test)).astype(np.float32)
    return evaluation(probabilities, data.test.labels, CLASSES, "pets")


def record(**changes):
    score = {"accuracy": 0.75, "crossentropy": 0.5, "max_difference": 0.0}
    return {
        "status": "finished", "model": "resnet8", "network": families.to_json(cifar(8)),
        "recipe": asdict(FAST), "execution": asdict(Execution()),
        "data": {"name": "pets", "image_size": 8, "sha256": "ab" * 32},
        "source": {"dataset": "./pets", "data_dir": ""}, "seconds": 12.0,
        "versions": {"keras": "3.15.1"}, "hardware": {"cpu": "a CPU", "cores": 2},
        "test": {"keras": score, "float32": score},
    } | changes  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """A function that makes the folder of a finished run."""

    def make(name="run", **changes):
        folder = tmp_path / name
        folder.mkdir()
        write_json(folder / "run.json", record(**changes))
        (folder / "history.csv").write_text(
            "epoch,accuracy,loss,val_accuracy,val_loss,learning_rate\n"
            "1,0.5,2.0,0.4,2.1,0.1\n2,0.6,1.0,0.5,1.2,0.0\n"
        )
        return folder

    return make


def read(path):
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture
def page(run, scored, data):
    return read(write_report(run(), scored, data=data))


def test_a_run_is_told_from_the_result_to_the_limits(page):
    assert page.sections() == [
        "scores", "curves", "confusion", "surest", "calibration", "coverage", "classes", "views",
        "data", "network", "origin", "limits",
    ]  # fmt: skip
    assert "resnet8 on pets" in page.text
    assert "n = 1: this is one training with one seed." in page.text
    command = re.search(r"python -m train\.cifar[^\n]*", " ".join(page.text.split()))[0]
    assert "--model=resnet8 --recipe=fast --dataset=./pets --image_size=8" in command
    assert "test images that are training images, too" in page.text


def test_what_is_not_known_is_left_out(run, tmp_path):
    page = read(write_report(run()))
    assert page.sections() == ["scores", "curves", "network", "origin", "limits"]
    assert "were not evaluated: python -m train.evaluate does that." in page.text
    (tmp_path / "empty").mkdir()
    assert read(write_report(tmp_path / "empty")).sections() == ["limits"]


def test_the_first_screen_has_the_interval_of_the_record(run, scored, data):
    page = read(write_report(run(), data=data))
    assert (
        "75.00\u00a0% of 12 test images are right 95\u00a0% interval: 46.77 to 91.11"
        in " ".join(page.text.split(" ")).replace("\n", " ")
    )
    given = read(write_report(run("other"), scored | {"top1": {"value": 0.5, "low": 0.25,
                                                               "high": 0.75}}))  # fmt: skip
    assert "25.00 to 75.00\u00a0%" in given.text


def test_an_evaluation_that_is_in_the_folder_is_shown(run, scored):
    folder = run()
    write_json(folder / "evaluation/evaluation.json", scored)
    assert "confusion" in read(write_report(folder)).sections()


def test_names_are_text_whatever_they_are(page, run, scored):
    assert len(page.all("script")) == 1
    assert EVIL in page.text
    assert CLASSES[2] in page.text
    named = read(write_report(run("<b>$a$ & co"), scored))
    assert named.all("b") == [{}] * len(named.all("b"))
    assert "<b>$a$ & co" in named.text


def test_nothing_is_fetched_and_only_the_known_script_runs(run, scored, data):
    path = write_report(run(), scored, data=data)
    page = read(path)
    assert path.stat().st_size < 3e6
    for element in page.all("img", "link", "a", "use"):
        for name in ("src", "href", "xlink:href"):
            assert element.get(name, "data:").startswith(("data:", "#"))
    assert "@import" not in path.read_text()
    assert not re.search(r"url\((?!#)", path.read_text())
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv"))
    script = re.search(r"<script>(.*?)</script>", path.read_text(), re.DOTALL)[1]
    assert f"script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert not any(name.startswith("on") for _, a in page.elements for name in a)


def test_it_can_be_read_aloud(page):
    assert [len(page.all(tag)) for tag in ("header", "nav", "main", "h1")] == [1, 1, 1, 1]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert all(image["alt"] for image in page.all("img"))
    drawings = page.all("svg")
    assert len(drawings) >= 5
    assert all(drawing["role"] == "img" and drawing["aria-label"] for drawing in drawings)
    assert all(head["scope"] in ("col", "row") for head in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    ids = Counter(a["id"] for _, a in page.elements if "id" in a)
    assert [name for name, count in ids.items() if count > 1] == []
    assert {a["href"][1:] for a in page.all("a")} <= {*ids}


def test_a_comparison_shows_what_differs_and_nothing_else(run, scored, tmp_path):
    recipes = asdict(FAST), asdict(FAST) | {"seed": 1, "epochs": 3}
    folders = [run(name, recipe=recipe) for name, recipe in zip("ab", recipes, strict=True)]
    evaluations = [
        scored | {"subject": scored["subject"] | {"path": str(folder)}} for folder in folders
    ]
    path = tmp_path / "both"
    verdict = "The data do not support that a is better than b."
    page = read(write_report(path, runs=compared(evaluations), verdicts=[verdict]))
    assert page.sections() == ["results", "differences", "compared-curves", "limits"]
    assert verdict in page.text
    assert "recipe.seed" in page.text
    assert "recipe.epochs" in page.text
    assert "recipe.batch_size" not in page.text
    assert len(page.all("svg")) == 4


def test_a_file_and_an_ensemble_need_no_run(tmp_path, scored, data):
    subject = {"kind": "ensemble", "name": "two of them", "path": ""}
    member = {"name": "one", "top1": {"value": 0.5, "low": 0.4, "high": 0.6}, "weight": 0.75,
              "marginal": -0.0123}  # fmt: skip
    changes = {"subject": scored["subject"] | subject, "members": [member]}
    page = read(write_report(tmp_path, scored | changes, data=data))
    assert "two of them on pets" in page.text
    assert "75,770" in page.text
    assert "-1.23 points" in page.text
    assert "n = 1" not in page.text
    runs = compared([scored | changes] * 8)
    assert "two of them" in read(write_report(tmp_path, runs=runs)).text


def test_a_search_shows_its_trials_and_the_fronts(tmp_path):
    rows = [
        {"trial": "1", "status": "finished", "rank": 1, "on_front": True, "val_accuracy": 0.9,
         "params": 200, "macs": 2000, "blocks": "1-1-1", "reason": ""},
        {"trial": "0", "status": "finished", "rank": 2, "on_front": True, "val_accuracy": 0.8,
         "params": 100, "macs": 100000, "blocks": "1-1-2", "reason": ""},
        {"trial": "2", "status": "failed", "reason": f"the loss became {EVIL}"},
    ]  # fmt: skip
    page = read(
        write_report(
            tmp_path, trials=rows, costs={"params": "parameters", "macs": "MACs"},
            search={"tuner": "random", "space": {"blocks": "1:2"}, "data": {"name": "pets"}},
            command="python -m train.cifar --spec=best.json", limits={"params": 300.0},
            published={"ResNet-0": {"val_accuracy": 0.85, "macs": 3000}},
        )
    )  # fmt: skip
    assert page.sections() == ["fronts", "leaderboard", "asked", "limits"]
    assert [drawing["aria-label"] for drawing in page.all("svg")] == [
        "Accuracy against parameters; the front goes from 80.00\u00a0% at 100 to 90.00\u00a0% at "
        "200; the budget ends at 300",
        "Accuracy against MACs; the front goes from 90.00\u00a0% at 2,000 to 90.00\u00a0% at 2,000"
        "; ResNet-0, published: 85.00\u00a0% at 3,000",
    ]
    assert EVIL in page.text
    assert "--spec=best.json" in page.text


def test_what_is_damaged_is_named_and_the_old_page_stays(run):
    folder = run()
    before = write_report(folder).read_text()
    (folder / "history.csv").write_text("epoch,loss\n1,much\n")
    with pytest.raises(InputError, match=r"history\.csv is damaged \(could not convert"):
        write_report(folder)
    (folder / "history.csv").write_text("loss\n1\n")
    with pytest.raises(InputError, match="a row has no epoch"):
        write_report(folder)
    assert (folder / "report.html").read_text() == before
    assert not list(folder.glob(".partial-*"))


def test_pictures_of_other_images_are_not_shown(run, scored, data):
    others = Data("pets", data.classes, data.train, Split(data.test.images, 2 - data.test.labels))
    own, other = (
        read(write_report(run(str(number)), scored, data=which))
        for number, which in enumerate((data, others))
    )
    assert len(other.all("img")) < len(own.all("img")) - len(scored["mistakes"])
