"""Compares training speeds: `python -m benchmarks.throughput --rounds=5 --peer="python peer.py"`.

Whole processes run in turn, round after round, as machines are noisy: only ratios within a round
mean anything. A peer is any command whose output ends in `N img/s`.
"""

import os
import re
import shlex
import subprocess
import sys
from statistics import median

from keras_resnet.utils.errors import InputError
from train import flags

COMMAND = flags.Command("benchmarks.throughput", __doc__)
COMMAND.add(int, "rounds", 5, "how often each contestant runs", low=1)
COMMAND.add(int, "steps", 100, "training steps of ours and stock Keras", low=2)
COMMAND.add(str, "peer", None, "command of another contestant")


def speed(command: list[str], **environment: str) -> tuple[float, str]:
    """Runs a contestant: its images a second, and all that it printed.

    Raises:
        InputError: if it cannot run, or tells no speed.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    except OSError as error:
        raise InputError(
            f"cannot run {shlex.join(command)} ({error.strerror}): check --peer."
        ) from error
    found = re.findall(r"([\d.]+) img/s", done.stdout)
    if done.returncode or not found:
        last = f"{done.stdout}\n{done.stderr}".split("\n")
        words = next((line for line in reversed(last) if line.strip()), "it printed nothing")
        raise InputError(f"{shlex.join(command)} told no speed, as in 1234 img/s ({words}).")
    return float(found[-1]), done.stdout


def spread(values: list[float], digits: int) -> str:
    """Median, least and most."""
    shown = (f"{value:.{digits}f}" for value in (median(values), min(values), max(values)))
    return "{} ({} to {})".format(*shown)


def main(values: flags.Values) -> None:
    """Runs the rounds, then prints the table."""
    values.refuse_arguments()
    ours = [sys.executable, "-m", "benchmarks.contestants"]
    commands = {name: [*ours, name, str(values.steps)] for name in ("ours", "stock")}
    if values.peer:
        commands["peer"] = shlex.split(values.peer)
    speeds: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(values.rounds):
        for name, command in commands.items():
            speeds[name].append(speed(command)[0])
        print(f"round {number + 1}: {[round(rates[-1]) for rates in speeds.values()]}", flush=True)
    for name, rates in speeds.items():
        ratios = [one / other for one, other in zip(speeds["ours"], rates, strict=True)]
        beside = "" if name == "ours" else f"; ours is {spread(ratios, 2)} times as fast"
        print(f"{name}: {spread(rates, 0)} images/s{beside}")


if __name__ == "__main__":
    COMMAND.start(main)
