"""The table of all trainings is what their records say, and the README says nothing else."""

import csv
import json
import re
from pathlib import Path

import pytest

from benchmarks import zoo
from keras_resnet import SPECS, InputError
from keras_resnet.spec import macs, parameters

ROOT = Path(__file__).parent.parent
RUN = json.loads((ROOT / "docs/runs/resnet20_fast_seed1.json").read_text())


def write(folder, accuracy=0.5, int8=None, **changes):
    """A run with the settings of a recorded one, and others for some."""
    record = json.loads(json.dumps(RUN))
    record["recipe"] |= {"seed": 0, "label_smoothing": 0.07}  # as none of those that are kept
    for part, values in changes.items():
        record[part] = record.get(part, {}) | values if isinstance(values, dict) else values
    record["test"]["keras"]["accuracy"] = accuracy
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(record))
    if int8 is not None:
        (folder / "export.json").write_text(json.dumps({"formats": {"int8": {"accuracy": int8}}}))


def added(tmp_path):
    """The rows of the runs in a folder."""
    rows = zoo.run(runs=str(tmp_path / "runs"), output_dir=str(tmp_path / "out"))
    return [row for row in rows if not row["records"].startswith(("docs", "saved_models"))]


def test_every_folder_may_be_in_the_users_home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert zoo.COMMAND.parse(["--runs=~/a,~/b"]).runs == "/home/me/a,/home/me/b"


@pytest.mark.parametrize("name", ["zoo.md", "zoo.csv"])
def test_the_committed_tables_are_what_the_command_writes(name, tmp_path):
    zoo.run(output_dir=str(tmp_path))
    assert (tmp_path / name).read_text() == (ROOT / "docs" / name).read_text()


def test_every_record_of_a_training_is_in_the_table_once():
    with open(ROOT / "docs/zoo.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    told = sorted(place for row in rows for place in row["records"].split("; "))
    kept = [path for path in (ROOT / "docs/runs").glob("*.json") if "_export" not in path.name]
    shipped = [path.parent for path in (ROOT / "saved_models/pretrained").glob("*/run.json")]
    assert told == sorted(path.relative_to(ROOT).as_posix() for path in [*kept, *shipped])
    assert sum(int(row["n"]) for row in rows) == len(told)


def test_the_readme_quotes_the_table():
    """Every row with a command has the figures that the table has for this command."""
    with open(ROOT / "docs/zoo.csv", newline="") as file:
        known = {row["command"]: row for row in csv.DictReader(file)}
    by_name = {
        Path(name).stem: row for row in known.values() for name in row["records"].split("; ")
    }
    table = (ROOT / "README.md").read_text().split("\n## Results\n")[1].split("\n**")[0]
    quoted = 0
    for line in re.findall(r"^\| .*%.*$", table, re.MULTILINE):
        name, accuracy, source = (cell.strip() for cell in line.strip("|").split("|"))
        row = known.get(source.strip("`")) or by_name.get(name.split("`")[1] if "`" in name else "")
        if row is None:
            assert source == "`make demo`", line
            continue
        spread = f" ± {float(row['accuracy_std']):.2f}" if row["accuracy_std"] else ""
        quantized = f", int8 {float(row['int8_mean']):.2f} %" if "int8" in accuracy else ""
        expected = f"{float(row['accuracy_mean']):.2f}{spread} %{quantized} (n = {row['n']})"
        assert accuracy == expected, line
        quoted += 1
    assert quoted == 9


def test_seeds_are_one_row_and_other_settings_another(tmp_path):
    for seed, accuracy in enumerate([0.5, 0.6, 0.7]):
        write(tmp_path / f"runs/deep/{seed}", accuracy, recipe={"seed": seed}, seconds=60.0 * seed)
    write(tmp_path / "runs/longer", 0.9, int8=0.89, recipe={"epochs": 30})
    write(tmp_path / "runs/other", 0.4, data={"name": "photos", "sha256": "x"}, source={
        "dataset": "/somewhere/photos", "data_dir": ""})  # fmt: skip
    write(tmp_path / "runs/unfinished", status="training")
    longer, seeds, other = added(tmp_path)
    assert (seeds["n"], seeds["seeds"], seeds["records"]) == (3, "0; 1; 2", "0; 1; 2")
    assert (seeds["accuracy_mean"], seeds["accuracy_std"], seeds["minutes"]) == (60, 10, 1)
    assert (longer["n"], longer["accuracy_std"], longer["int8_mean"]) == (1, None, 89)
    assert longer["command"].endswith("--epochs=30 --label_smoothing=0.07 --validation_fraction=0")
    assert (other["data"], "--dataset=./photos" in other["command"]) == ("photos", True)
    network = SPECS["ResNet20"]
    assert (seeds["parameters"], seeds["macs"]) == (parameters(network), macs(network))
    page = (tmp_path / "out/zoo.md").read_text()
    assert "| 60.00 ± 10.00 | 3 |  | 24 | 1 |" in page
    assert "/somewhere" not in page


def test_what_a_record_does_not_know_is_empty(tmp_path):
    write(tmp_path / "runs/one", versions={"commit": "0123456789abcdef"}, files={"labels.txt": "y"})
    (row,) = added(tmp_path)
    assert (row["commit"], row["weights_sha256"]) == ("0123456789abcdef", "")
    record = json.loads((tmp_path / "runs/one/run.json").read_text())
    for part in ("execution", "versions", "hardware", "seconds", "data"):
        del record[part]
    (tmp_path / "runs/one/run.json").write_text(json.dumps(record))
    (row,) = added(tmp_path)
    unknown = ("machine", "precision", "version", "commit", "minutes", "data", "int8_mean")
    assert {row[name] for name in unknown} == {"", None}
    assert row["parameters"] == parameters(SPECS["ResNet20"])


def test_a_folder_with_the_shipped_runs_counts_them_once(tmp_path):
    out = str(tmp_path)
    assert zoo.run(output_dir=out, runs=str(zoo.SHIPPED)) == zoo.run(output_dir=out)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no folder '.*nowhere': check --runs"):
        zoo.run(runs=str(tmp_path / "nowhere"), output_dir=str(tmp_path))
