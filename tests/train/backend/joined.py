"""One of two processes that train a step together, for `test_processes.py`; prints JSON."""

import json
import sys
from itertools import count

from train.backend import backend

engine = backend()

import keras  # noqa: E402
import numpy as np  # noqa: E402

from train.settings.execution import Processes  # noqa: E402

port, number = sys.argv[1], int(sys.argv[2])


def moving_statistics() -> list[float]:
    """Mean and variance after a step, of which each process has half of the images."""
    keras.utils.set_random_seed(0)
    with engine.scope():
        normalize = keras.layers.BatchNormalization(momentum=0.0)
        images = keras.Input((1,))
        model = keras.Model(images, keras.layers.Dense(1)(normalize(images)))
        model.compile("sgd", "mse", **engine.compile_settings())
        own = np.full((4, 1), 2.0 * number)  # in neither half anything varies: the variance is 0
        model.fit(own, own, batch_size=4, verbose=0)
        return [normalize.moving_mean.numpy().item(), normalize.moving_variance.numpy().item()]


def stop() -> tuple[str, int]:
    """Why and after which step both stop, though only process 1 is asked to."""
    for step in count(1):
        engine.from_leader(b"")  # as a step: none goes ahead of the other
        if reason := engine.agreed_stop(["SIGTERM"] * number, step):
            return reason, step
    raise AssertionError


with engine.join(Processes(f"127.0.0.1:{port}", 2, number)):
    engine.choose("cpu")
    result = {
        "leads": engine.leads(),
        "summary": engine.summary(),
        "from_leader": engine.from_leader(f"said by {number}".encode()).decode(),
        "moving_statistics": moving_statistics(),
        "stop": stop(),
    }
    print("printed by process", number)
print(json.dumps(result))
