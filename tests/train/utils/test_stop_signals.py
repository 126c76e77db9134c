import signal
import time

import pytest

from train.utils.stop_signals import ONE, SIGNALS, stop_requests

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def handlers():
    """Each of the signals has a handler that notes it."""
    seen = []
    before = {
        number: signal.signal(number, lambda number, frame: seen.append(number))
        for number in SIGNALS
    }
    yield seen
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_is_a_request_and_afterwards_all_is_as_before(number, handlers):
    with stop_requests() as requests:
        signal.raise_signal(number)
        assert requests == [number.name]
        assert handlers == []
    signal.raise_signal(number)
    assert handlers == [number]


@pytest.mark.parametrize(
    ("number", "acts"), [(signal.SIGINT, True), (signal.SIGTERM, True), (signal.SIGHUP, False)]
)
def test_the_second_acts_at_once_unless_it_only_says_that_nobody_reads(number, acts, handlers):
    with stop_requests() as requests:
        signal.raise_signal(number)
        signal.raise_signal(number)  # the same one, passed on by a parent
        assert handlers == [] and requests == [number.name]
        time.sleep(ONE + 0.01)
        signal.raise_signal(number)
        assert bool(handlers) == acts


@pytest.mark.parametrize("number", SIGNALS)
def test_what_is_ignored_stays_ignored(number):
    """As under `nohup`, and for Ctrl-C in what a script runs in the background."""
    signal.signal(number, signal.SIG_IGN)
    with stop_requests() as requests:
        signal.raise_signal(number)
        assert requests == []
    assert signal.getsignal(number) is signal.SIG_IGN
