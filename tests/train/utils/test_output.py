"""A reader that goes away stops a command, and nothing is lost or noted as an error."""

import subprocess
import sys

import pytest

from tests.forked import ROOT

pytestmark = pytest.mark.unit
CODE = """
import signal, sys, time
from pathlib import Path
from train.flags import Command
from train.utils.stop_signals import Stopped, stop_requests

def endless(values):
    try:
        while True:
            print("caf\\u00e9", flush=True)
            time.sleep(0.01)
    finally:
        Path(sys.argv[2]).touch()

def training(values):
    with stop_requests() as requests:
        for step in range(200):
            print("step", step, flush=True)
            time.sleep(0.01)
            if len(requests) > 1 or (requests and step > 100):
                raise Stopped(f"{requests[0]}: saved.")

def nohup(values):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    training(values)
    Path(sys.argv[2]).touch()

Command("test", "Prints.").start(globals()[sys.argv.pop(1)])
"""


def head(kind, file, stderr=subprocess.PIPE):
    """The code and the errors of a command of which one line is read."""
    command = [sys.executable, "-c", CODE, kind, file]
    command.insert(-1, "--")  # what follows is no flag
    environment = {"PYTHONPATH": str(ROOT), "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=stderr, env=environment, text=True
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read() if process.stderr else ""
        return process.wait(30), said


def test_a_command_ends_as_unix_programs_do(tmp_path):
    assert head("endless", tmp_path / "cleaned") == (141, "")
    assert (tmp_path / "cleaned").exists()
    assert head("endless", tmp_path / "cleaned", subprocess.STDOUT) == (141, "")


def test_a_training_stops_as_by_a_signal_when_all_is_saved(tmp_path):
    code, said = head("training", tmp_path / "file")
    assert (code, said) == (75, "SIGHUP: saved. The same command goes on from there.\n")
    assert head("training", tmp_path / "file", subprocess.STDOUT) == (141, "")


def test_under_nohup_it_goes_on(tmp_path):
    assert head("nohup", tmp_path / "done") == (0, "")
    assert (tmp_path / "done").exists()
