# Two commands for a fresh clone: `make demo` and `make test`. Both make .venv with what they need.

PYTHON ?= python3
BIN = .venv/bin
DEMO = saved_models/demo
RUN = $(DEMO)
# An activated environment of the user's must not leak into ours.
unexport PYTHONPATH PYTHONHOME
export KERAS_BACKEND = tensorflow

PARALLEL = $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile \
    --no-loadscope-reorder
QUICK = $(PARALLEL) -m "not slow and not manual"

.PHONY: help demo web test test-unit test-slow test-jax test-manual durations docs lint clean

help:
	@echo "make demo       train a small network on handwritten digits, export, check, predict"
	@echo "make web        classify in the browser: RUN=saved_models/NAME, SAMPLES=FOLDER of pictures"
	@echo "make test       lint, types and tests"
	@echo "make test-unit  the tests that need no TensorFlow, in seconds"
	@echo "make test-slow  the tests that take longer"
	@echo "make test-jax   of these, the trainings on JAX, as CI does, too"
	@echo "make test-manual  the tests that need packages or data from elsewhere"
	@echo "make docs       the API reference, in docs/api"
	@echo "make clean      remove what these made"

demo: .venv/train
	@echo "== training ResNet-8 on 1797 handwritten digits"
	$(BIN)/python -m train.cifar --model=resnet8 --recipe=fast --dataset=digits --epochs=30 \
	    --batch_size=64 --output_dir=$(DEMO) --overwrite
	@echo "== classifying one image"
	$(BIN)/python -m train.predict --run=$(DEMO) --format=float32 tests/data/digit_7.png

# An empty file says that the packages of the lock file are there.
web: examples/web/node_modules/installed
	$(PYTHON) examples/web/serve.py --run=$(RUN) $(if $(SAMPLES),--samples=$(SAMPLES))

examples/web/node_modules/installed: examples/web/package-lock.json
	cd examples/web && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

test: .venv/test lint
	@echo "== tests"
	$(QUICK)

test-unit: .venv/test
	$(BIN)/python -m pytest -m unit -p no:xdist

# The order of the files, the longest first, is what this measured.
durations: .venv/test
	$(QUICK) --store-durations

# One of them is `make demo`, which must not install anything while others run.
test-slow: .venv/test .venv/train
	@echo "== slow tests"
	$(PARALLEL) -m slow

# What a training does on TensorFlow, it does on JAX.
test-jax: .venv/test
	@echo "== tests of trainings on JAX"
	$(PARALLEL) --dist=load -m slow tests/train/backend/test_engines.py

test-manual: .venv/test
	$(BIN)/python -m pytest -m manual

lint: .venv/test
	@echo "== lint and types"
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: .venv/docs
	$(BIN)/python -W error::UserWarning docs/reference.py

# An empty file says that .venv holds an extra of setup.py.
.venv/train .venv/test .venv/docs: .venv/%: setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { echo \
	    "error: '$(PYTHON)' is not Python 3.11 to 3.13: set PYTHON=python3.13, say." >&2; exit 1; }
	@echo "== making .venv (TensorFlow is large: a few minutes the first time)"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$*]'
	@touch $@

clean:
	rm -rf .venv docs/api $(DEMO) examples/web/dist examples/web/node_modules
