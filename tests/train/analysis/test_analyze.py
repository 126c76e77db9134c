"""The command, on real runs."""

import csv
import json
import re
import shutil
from xml.etree import ElementTree

import numpy as np
import pytest

from keras_resnet import InputError
from tests.toy_family import Toy, build, register
from train import analyze
from train.analysis.analyses import ALL, ANALYSES, AnalysisSettings
from train.analysis.record import write_table
from train.analysis.subject import Subject

QUICK = ("--images=20", "--grid=3", "--draws=1")


@pytest.fixture(scope="module")
def analysed(digits_run, tmp_path_factory):
    """Two names for the same run, side by side."""
    folder = tmp_path_factory.mktemp("analysis")
    (folder / "other").symlink_to(digits_run)
    values = [f"--run={digits_run},{folder / 'other'}", *QUICK, f"--output_dir={folder / 'out'}"]
    record = analyze.main(analyze.COMMAND.parse(values))
    return folder / "out", record


def test_every_analysis_has_a_table_a_picture_and_a_record(analysed):
    folder, record = analysed
    assert json.loads((folder / "analysis.json").read_text()) == record
    assert [*record["analyses"]] == [*ANALYSES]
    for name, analysis in ANALYSES.items():
        picture = ElementTree.parse(folder / f"{name}.svg")
        words = " ".join("".join(node.itertext()) for node in picture.iter() if node.text)
        for expected in (analysis.title, f"after {analysis.source}", *record["networks"]):
            assert expected in words, (name, expected)
        with (folder / f"{name}.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert {row["network"] for row in rows} == {*record["networks"]} == {"digits", "other"}
        assert len(rows) == sum(map(len, record["analyses"][name]["rows"].values()))
        assert record["analyses"][name]["images"] == 20


def test_the_same_network_gives_the_same_numbers(analysed):
    for found in analysed[1]["analyses"].values():
        first, second = found["rows"].values()
        for one, other in zip(first, second, strict=True):
            assert one.keys() == other.keys()
            for key, value in one.items():
                assert value == (
                    pytest.approx(other[key], rel=1e-4) if isinstance(value, float) else other[key]
                )


def test_a_run_keeps_its_analysis(digits_run, command, capsys, tmp_path):
    run = shutil.copytree(digits_run, tmp_path / "run")
    command(analyze, f"--run={run}", "--what=responses", *QUICK)
    assert re.search(r"responses: about \d+ s", capsys.readouterr().out)
    assert (run / "analysis/responses.svg").exists()
    assert not (run / "analysis/surface.svg").exists()


def test_an_analysis_leaves_the_others_of_the_same_network(digits_run, command, tmp_path, capsys):
    run, out = shutil.copytree(digits_run, tmp_path / "run"), tmp_path / "out"

    def analyse(what):
        command(analyze, f"--run={run}", f"--what={what}", *QUICK, f"--output_dir={out}")
        return json.loads((out / "analysis.json").read_text())["analyses"]

    first = analyse("responses")["responses"]
    both = analyse("initialization")
    assert [*both] == ["responses", "initialization"]
    assert both["responses"] == first
    assert "--what=responses" in first["command"]
    record = json.loads((run / "run.json").read_text())
    record["data"]["name"] = "other digits"
    source = {"source": {"dataset": "digits", "data_dir": ""}}
    (run / "run.json").write_text(json.dumps(record | source))
    assert [*analyse("responses")] == ["responses"]
    (out / "analysis.json").write_text("{")
    assert [*analyse("responses")] == ["responses"]
    assert "is damaged" in capsys.readouterr().out


@pytest.mark.parametrize(
    "flags, message",
    [
        ([], "say which runs"),
        (["--run={run}", "picture.png"], "unexpected 'picture.png'"),
        (["--run={run}", "--what=lesion"], "did you mean 'lesions'"),
        (["--run={run},{run}"], "is named twice"),
        (["--run={empty}"], "is not a run folder"),
        (["--run={run}", "--grid=10"], "grid must be odd"),
        (["--run={run}", "--images=-1"], "images must be a whole number of at least 0"),
        (["--run={run}", "--data_dir={empty}", "--dataset=cifar10"], "cifar10"),
    ],
)
def test_mistakes_are_refused_in_a_sentence(flags, message, digits_run, tmp_path, command):
    flags = [flag.format(run=digits_run, empty=tmp_path) for flag in flags]
    with pytest.raises(InputError, match=message):
        command(analyze, *flags, f"--output_dir={tmp_path / 'out'}")
    assert not (tmp_path / "out").exists()


def test_all_may_stand_among_others():
    assert analyze._names("responses, all") == ([*ANALYSES], True)
    assert analyze._names("surface,responses") == (["responses", "surface"], False)


def test_of_all_analyses_those_that_mean_nothing_are_left_out(monkeypatch, capsys):
    register(monkeypatch)
    toy = Subject("toy", None, {}, Toy(), build(Toy(), classifier_activation=None))
    plan = analyze._plan([*ANALYSES], [toy], AnalysisSettings(), every=True)
    assert [*plan] == [name for name in ANALYSES if name != "lesions"]
    assert "lesions: left out: toy has no blocks" in capsys.readouterr().out
    with pytest.raises(InputError, match="toy has no blocks"):
        analyze._plan(["lesions"], [toy], AnalysisSettings(), every=False)
    assert ALL not in ANALYSES


def test_what_is_not_finite_is_an_empty_cell(tmp_path):
    write_table(tmp_path / "t.csv", {"a": [{"x": np.inf, "y": float("nan"), "z": 1.5}]})
    assert (tmp_path / "t.csv").read_text().splitlines()[1] == "a,,,1.5"
