"""One of two processes that train one step together, for `test_processes.py`; prints JSON."""

import json
import sys

from train.backend import backend

engine = backend()

import keras  # noqa: E402
import numpy as np  # noqa: E402

from train.settings.execution import Processes  # noqa: E402

number = int(sys.argv[2])
with engine.join(Processes(f"127.0.0.1:{sys.argv[1]}", 2, number)):
    engine.choose("cpu")
    with engine.scope():
        images = keras.Input((1,))
        normalized = keras.layers.BatchNormalization(momentum=0.0)
        model = keras.Model(images, keras.layers.Dense(1)(normalized(images)))
        model.compile("sgd", "mse", **engine.compile_settings())
        # This process has zeros only or twos only: neither varies, and together they do.
        own = np.full((4, 1), 2.0 * number)
        model.fit(own, own, batch_size=4, verbose=0, shuffle=False)
        arrays = engine.capture(model)
    statistics = {
        name: value.tolist() for name, value in arrays.items() if "batch_normalization" in name
    }
    result = {
        "leads": engine.leads(),
        "processes": engine.processes(),
        "replicas": engine.replicas(),
        "from_leader": engine.from_leader(f"said by {number}".encode()).decode(),
        "asked_by_1": engine.agreed_stop(["SIGTERM"] * number, 1),
        "statistics": statistics,
    }
print(json.dumps(result), file=sys.stderr)
