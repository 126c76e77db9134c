"""Claims, plans and verdicts fit together."""

import csv
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy import stats

from keras_resnet import families
from keras_resnet.spec import NETWORKS
from train.experiments import revolution
from train.experiments.claims import CLAIMS, PUBLISHED, TEST, Claim
from train.experiments.pictures import errors, plot
from train.experiments.plans import BUDGETS, EXPERIMENTS
from train.experiments.runs import all_jobs, jobs
from train.experiments.tables import Row, verdicts, write
from train.experiments.verdicts import NOT_SHOWN, NOT_TESTED, SHOWN, judge


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_claim_and_every_published_error_is_of_networks_that_are_trained(name):
    budgets = [set(EXPERIMENTS[name].networks[budget]) for budget in BUDGETS]
    never = [c.text for c in CLAIMS[name] if not any(set(c.contrast) <= each for each in budgets)]
    assert never == {
        "depth": ["ResNet-1202 is worse than ResNet-110."],
        "orders": ["Of 1,001 layers, full pre-activation is better than the original order."],
    }.get(name, [])
    assert set(PUBLISHED.get(name, ())) <= set().union(*budgets)


@pytest.mark.parametrize(("data", "expected"), [("cifar10", "8.75"), ("cifar100", "")])
def test_published_errors_stand_beside_the_same_data_only(data, expected):
    record = {"data": {"name": data}}
    assert Row("degradation", "ResNet-20", [record]).published == expected
    assert Row("degradation", "ResNet-20", []).published == "8.75"


def test_as_many_seeds_are_shown_as_a_folder_has(tmp_path):
    for name in ("resnet20_seed2", "resnet20_seed7.bak", "notes"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    recipe = BUDGETS["minutes"].recipe
    found = all_jobs(tmp_path, "minutes", recipe, 1)
    assert {job.recipe.seed for job in found} == {0, 1, 2}


@pytest.mark.parametrize("names", [("degradation", "depth"), ("shortcuts", "identity")])
def test_a_training_that_two_experiments_need_is_made_once(names):
    budget = BUDGETS["quick"]
    alone = {name: jobs([name], "quick", budget.recipe, 2) for name in names}
    both = jobs(names, "quick", budget.recipe, 2)
    assert {job.folder for job in both} == {j.folder for some in alone.values() for j in some}
    assert len(both) < sum(map(len, alone.values()))
    networks = [families.to_json(job.network) for job in both if not job.recipe.seed]
    assert not [network for network in networks if networks.count(network) > 1]
    assert [job.recipe.seed for job in both] == sorted(job.recipe.seed for job in both)


def test_networks_without_batch_normalization_have_a_rate_of_their_own():
    recipe = BUDGETS["quick"].recipe
    rates = {job.name: job.recipe.learning_rate for job in jobs(EXPERIMENTS, "quick", recipe, 1)}
    own = {"lenet5relu": 0.01, "alexnetcifar": 0.01}
    assert {name: rate for name, rate in rates.items() if rate != 0.1} == own


def test_the_revolution_has_published_errors_beside_those_of_here(tmp_path):
    def record(name, accuracy):
        return {
            "network": families.to_json(NETWORKS[name]), "test": {"keras": {"accuracy": accuracy}}
        }  # fmt: skip

    rows = [
        Row("comparison", "LeNet-5", [record("LeNet5ReLU", 0.7)]),
        Row("comparison", "ResNet-20", [record("ResNet20", 0.9), record("ResNet20", 0.92)]),
        Row("comparison", "ResNet-110", []),
    ]
    lines = {line.split(" | ")[0]: line for line in revolution.section(rows).splitlines()}
    assert lines["| ResNet-152"].split(" | ")[3:] == [
        "60,268,520", "11,282 M", "3.57", "4.49", "ResNet-20", "269,722", "41 M", "9.00 ± 1.41 |"
    ]  # fmt: skip
    assert lines["| LeNet-5"].split(" | ")[5:8] == ["", "", "LeNet-5"]
    assert lines["| VGG-19"].split(" | ")[3] == "143,667,240"
    revolution.plot(tmp_path, rows)
    assert (tmp_path / revolution.PICTURE).read_bytes().startswith(b"\x89PNG")


def finished(network, epochs=8, **changes):
    """What is read of the record of a run."""
    recipe = asdict(replace(BUDGETS["quick"].recipe, epochs=epochs, **changes))
    return {
        "network": families.to_json(network), "recipe": recipe, "seconds": 60.0,
        "data": {"name": "cifar10"}, "execution": {"precision": "mixed_bfloat16"},
        "last_epoch": {"accuracy": 0.9}, "test": {"keras": {"accuracy": 0.8}},
    }  # fmt: skip


@pytest.mark.parametrize("budget", ["quick", "full"])
def test_every_claim_is_a_row_whatever_the_budget(budget):
    labels = EXPERIMENTS["shortcuts"].networks[budget]
    rows = [Row("shortcuts", label, [finished(n)] * 2) for label, n in labels.items()]
    judged = verdicts("shortcuts", rows)
    assert len({claim.text for claim, _ in judged}) == len(judged) == 7
    assert {verdict.verdict for _, verdict in judged} == {NOT_TESTED}  # seeds that came out equal
    assert all("equal" in verdict.why for _, verdict in judged)


def test_a_training_that_failed_is_told_and_no_mean_of_the_others_is_judged(tmp_path):
    network = NETWORKS["ResNet20"]
    rows = [
        Row("identity", "identity", [finished(network)] * 2),
        Row("identity", "half of the shortcut", [finished(network)], 1),
        Row("identity", "exclusive gating", [], 2),
        Row("identity", "1x1 convolution", [finished(network, batch_size=64)]),
    ]
    write(tmp_path, rows, "Facts.")
    page = (tmp_path / "README.md").read_text()
    assert (
        "| half of the shortcut | 269,722 | 10.00, 1 more failed | 20.00, 1 more failed |" in page
    )
    assert "| exclusive gating |  | 2 failed | 2 failed |" in page
    assert "not tested**: 1 of 2 trainings of half of the shortcut failed" in page
    with open(tmp_path / "results.csv", newline="") as file:
        table = {row["network"]: row for row in csv.DictReader(file)}
    assert [row["failed"] for row in table.values()] == ["0", "1", "2", "0"]
    theirs = "epochs 164, schedule step, warmup 0.0, float32"
    assert table["identity"]["in_the_paper"] == theirs
    assert table["1x1 convolution"]["in_the_paper"] == theirs.replace(
        "164, ", "164, batch_size 128, "
    )


def test_an_epoch_without_a_measure_leaves_a_gap_in_its_curve(tmp_path):
    """The cell of what was not finite is empty."""
    (tmp_path / "history.csv").write_text("epoch,accuracy,val_accuracy\n1,0.25,\n2,0.5,0.75\n")
    epochs, training, test = errors(tmp_path)
    assert (epochs, training, test[1:]) == ([1, 2], [75, 50], [25])
    assert np.isnan(test[0])


A, B = [9.1, 9.4, 9.2], [8.3, 8.9]
CLAIM = Claim("A is worse than B.", "a paper", "", TEST, {"a": 1, "b": -1})


def test_the_interval_is_welchs():
    verdict = judge(CLAIM, {"a": A, "b": B})
    low, high = stats.ttest_ind(A, B, equal_var=False).confidence_interval(0.95)
    assert (verdict.low, verdict.high) == pytest.approx((low, high))
    assert verdict.difference == pytest.approx(np.mean(A) - np.mean(B))
    assert verdict.verdict == NOT_SHOWN


@pytest.mark.parametrize(
    ("a", "b", "verdict", "why"),
    [
        ([9.1, 9.2], [8.1, 8.2], SHOWN, ""),
        ([8.1, 8.2], [9.1, 9.2], NOT_SHOWN, "the opposite was found"),
        ([9.1, 9.1], [8.1, 8.1], NOT_TESTED, "the seeds came out equal, which tells no variance"),
        ([9.1], [8.1, 8.2], NOT_TESTED, "one seed of a network tells no variance"),
        ([9.1, 9.2], [], NOT_TESTED, "b was not trained"),
    ],
)
def test_a_verdict_says_why(a, b, verdict, why):
    found = judge(CLAIM, {"a": a, "b": b})
    assert (found.verdict, found.why) == (verdict, why)


def test_a_run_without_its_curve_leaves_the_picture_of_the_others(tmp_path):
    (tmp_path / "run").mkdir()
    plot(tmp_path, "depth", {"ResNet-8": [tmp_path / "run"]})
    assert (tmp_path / "depth.png").read_bytes().startswith(b"\x89PNG")
