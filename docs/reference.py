"""Writes the API reference to docs/api: `make docs`."""

from pathlib import Path

import pdoc

import keras_resnet
import keras_resnet.export

# pdoc looks for names in a module's dictionary, where lazy ones are only after their first use.
for package in (keras_resnet, keras_resnet.export):
    vars(package).update({name: getattr(package, name) for name in package.__all__})

pdoc.render.configure(docformat="google")
pdoc.pdoc("keras_resnet", "train", output_directory=Path(__file__).parent / "api")
