"""The commit that a record names."""

import os
import subprocess

from train.runs.environment import commit


def git(folder, *words):
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *words]
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}  # nobody's settings
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | own)
    return done.stdout.strip()


def test_the_commit_of_a_clone_is_known_and_of_nothing_else(tmp_path):
    assert commit(tmp_path) == {}
    git(tmp_path, "init")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-m", "one")
    git(tmp_path, "tag", "-m", "release", "v1")
    made = git(tmp_path, "rev-parse", "HEAD")
    assert commit(tmp_path) == {"commit": made}
    (tmp_path / "file").write_text("two")
    assert commit(tmp_path) == {"commit": f"{made}-dirty"}
    (tmp_path / "inside").mkdir()
    assert commit(tmp_path / "inside") == {}
