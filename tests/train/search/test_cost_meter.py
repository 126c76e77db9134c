"""Budgets: what counts, in which order, and that it is what the delivered file has."""

import re

import numpy as np
import pytest

from keras_resnet import InputError, cifar, export, macs, parameters
from keras_resnet.export.card import ModelCard
from train.data.statistics import Normalization
from train.measure import comparison, latency
from train.runs.restore import restore
from train.search import cost_meter
from train.search.budget import UNLIMITED, Budget, least_int8_bytes
from train.search.cost_meter import CostMeter
from train.trainer.model import network_model

SMALL = cifar(8, width_multiplier=0.25)


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Sizes need no timing, and what is compared here differs by far."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cost_meter, "PROCESSES", 1)
        patch.setattr(comparison, "RUNS", latency.FEWEST)
        yield


@pytest.fixture(scope="module")
def costs():
    return CostMeter(Budget(), ModelCard(labels=tuple("0123456789"))).all(SMALL)


def test_costs_are_the_formulas_and_what_the_file_has(costs):
    assert list(costs) == ["params", "macs", "int8_bytes", "latency_ms"]
    assert costs["params"] == parameters(SMALL)
    assert costs["macs"] == macs(SMALL)
    assert least_int8_bytes(SMALL) < costs["int8_bytes"] < 40_000
    assert 0.001 < costs["latency_ms"] < 100


def test_bytes_are_those_of_the_trained_network(digits_run, tmp_path):
    restored = restore(digits_run)
    images = np.random.default_rng(1).integers(0, 256, (20, 32, 32, 3), np.uint8)
    export.save(restored.model, tmp_path, ["int8"], restored.card, images)
    costs = CostMeter(Budget(max_int8_bytes=10**6), restored.card).known(restored.network)
    assert costs["int8_bytes"] == (tmp_path / "model_int8.tflite").stat().st_size


def test_images_that_are_not_centred_need_an_operation_less(costs):
    card, limited = ModelCard(labels=tuple("0123456789")), Budget(max_int8_bytes=10**6)
    plain = CostMeter(limited, card, subtract_mean=False).known(SMALL)
    assert 400 < costs["int8_bytes"] - plain["int8_bytes"] < 1000


FEWEST = ("original", "none")  # operations, of which each takes some bytes


@pytest.mark.parametrize(
    ("order", "shortcut"),
    [
        pytest.param(order, shortcut, marks=() if (order, shortcut) == FEWEST else pytest.mark.slow)
        for order in ("original", "full_preact")
        for shortcut in ("A", "C", "none")
    ],
)
def test_no_file_is_smaller_than_the_bound(order, shortcut):
    spec = cifar(8, width_multiplier=0.5, activation_order=order, shortcut=shortcut)
    size = CostMeter(Budget(max_int8_bytes=10**6), ModelCard()).known(spec)["int8_bytes"]
    assert 0.5 * size < least_int8_bytes(spec) < size


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({}, None),
        ({"max_params": 75290}, None),
        ({"max_params": 75289}, "75,290 parameters, of at most 75,289"),
        ({"max_macs": 12_000_000}, "12,239,488 multiply-accumulates, of at most 12,000,000"),
        ({"max_int8_bytes": 70_000}, "bytes as int8, of at most 70,000"),
    ],
)
def test_formulas_refuse_without_building(limits, words, monkeypatch):
    monkeypatch.setattr(cost_meter, "_exported", None)  # would fail if it were called
    said = CostMeter(Budget(**limits), ModelCard()).violated_limit(cifar(8))
    assert said is None if words is None else words in said


def test_what_is_measured_is_measured_once_and_refused(costs, monkeypatch):
    asked = []

    def exported(*arguments):
        asked.append(arguments)
        return {"int8_bytes": 30_000, "latency_ms": 0.2}

    monkeypatch.setattr(cost_meter, "_exported", exported)
    meter = CostMeter(Budget(max_latency_ms=0.1, max_int8_bytes=40_000), ModelCard())
    assert meter.violated_limit(SMALL, measure=False) is None
    for _ in range(2):
        assert meter.violated_limit(SMALL) == "0.200 ms an image, one thread, of at most 0.100"
    assert len(asked) == 1
    assert meter.violated_limit(SMALL, measure=False) is not None  # as it is known


def test_a_network_slower_than_the_reference_is_refused(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    model = network_model(cifar(8), Normalization([120.0] * 3, [60.0] * 3), "softmax")
    export.save(model, tmp_path, ["int8"], calibration=images)
    meter = CostMeter(
        Budget(reference_tflite=str(tmp_path / "model_int8.tflite"), max_latency_ratio=1.6),
        ModelCard(),
    )
    said = meter.violated_limit(cifar(20, width_multiplier=2.0))
    assert re.fullmatch(r"\d+\.\d{3} times the reference's latency, of at most 1\.600", said)
    assert float(said.split()[0]) > 2
    assert meter.violated_limit(SMALL) is None
    with pytest.raises(InputError, match=r"no file missing\.tflite"):
        Budget(reference_tflite="missing.tflite")


def test_measurements_are_kept_for_the_same_search(tmp_path, monkeypatch, capsys):
    path = tmp_path / "costs.json"
    costs = {"int8_bytes": 1234, "latency_ms": 0.5}
    monkeypatch.setattr(cost_meter, "_exported", lambda *_: costs)
    first = CostMeter(Budget(), ModelCard(), path).all(SMALL)
    monkeypatch.setattr(cost_meter, "_exported", None)
    assert CostMeter(Budget(), ModelCard(), path).all(SMALL) == first
    assert CostMeter(Budget(), ModelCard(), path, shared=True).all(SMALL) == first
    assert CostMeter(Budget(max_latency_ms=0.1), ModelCard(), path).violated_limit(
        SMALL, measure=False
    )
    path.write_text("{")
    monkeypatch.setattr(cost_meter, "_exported", lambda *_: costs | {"latency_ms": 0.6})
    assert CostMeter(Budget(), ModelCard(), path).all(SMALL)["latency_ms"] == 0.6
    assert "costs.json is damaged" in capsys.readouterr().out


def test_nothing_is_exported_that_no_limit_asks_for(monkeypatch):
    monkeypatch.setattr(cost_meter, "_exported", None)  # would fail if it were called
    assert list(CostMeter(Budget(max_params=9), ModelCard()).known(SMALL)) == ["params", "macs"]


def test_nothing_is_timed_that_no_limit_asks_for(monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        patch.setattr(comparison, "time_files", None)  # would fail if it were called
        meter = CostMeter(Budget(max_int8_bytes=99999), ModelCard(), tmp_path / "costs.json")
        known = meter.known(SMALL)
        assert list(known) == ["params", "macs", "int8_bytes"]
        assert meter.violated_limit(SMALL) is None
    whole = meter.all(SMALL)
    assert whole == known | {"latency_ms": whole["latency_ms"]}


def test_limits_are_positive():
    assert Budget().limited == []
    assert Budget(max_macs=5, max_params=UNLIMITED - 1).limited == ["params", "macs"]
    with pytest.raises(InputError, match=r"max_params must be a whole number from 1 to .*; got 0"):
        Budget(max_params=0)
    with pytest.raises(InputError, match=r"max_latency_ratio 0\.9 has no reference"):
        Budget(max_latency_ratio=0.9)
    with pytest.raises(InputError, match="unknown latency_format 'int9'"):
        Budget(latency_format="int9")
