"""The README's first command, whole."""

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_make_demo_reaches_97_percent_and_knows_a_seven(tmp_path):
    done = subprocess.run(
        ["make", "demo", f"DEMO={tmp_path / 'demo'}"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    scores = json.loads((tmp_path / "demo" / "run.json").read_text())["test"]
    assert min(values["accuracy"] for values in scores.values()) >= 0.97
    assert "\ntests/data/digit_7.png  7 " in done.stdout
