"""Exports Keras image classifiers as `.keras`, SavedModel and `.tflite` files.

```python
from keras_resnet import export

export.save(model, "folder", ["float32", "int8"], calibration=images)
predict = export.load("folder", "int8")
```

The only part of this package that needs TensorFlow, which is imported at the first use.
"""

from keras_resnet.utils.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "card": ["ModelCard"],
        "formats": ["FORMATS", "load", "save"],
        "metadata": ["read_metadata"],
    },
)
