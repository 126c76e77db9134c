"""Compares training speeds: `python -m benchmarks.throughput --rounds=5 --peer="python peer.py"`.

Whole processes run in turn, round after round, as machines are noisy: only ratios within a round
mean anything. A peer is any command whose output ends in `N img/s`.
"""

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


def speed(command: list[str]) -> float:
    """Runs a contestant, and reads its images a second."""
    done = subprocess.run(command, capture_output=True, text=True)
    found = re.findall(r"([\d.]+) img/s", done.stdout)
    if done.returncode or not found:
        raise InputError(f"{' '.join(command)} gave no speed:\n{done.stdout}{done.stderr}")
    return float(found[-1])


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
            speeds[name].append(speed(command))
        print(f"round {number + 1}: {[round(rates[-1]) for rates in speeds.values()]}", flush=True)
    for name, rates in speeds.items():
        ratios = [one / other for one, other in zip(speeds["ours"], rates, strict=True)]
        beside = "" if name == "ours" else f"; ours is {spread(ratios, 2)} times as fast"
        print(f"{name}: {spread(rates, 0)} images/s{beside}")


if __name__ == "__main__":
    COMMAND.start(main)
