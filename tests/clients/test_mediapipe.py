"""MediaPipe Tasks, the library of many phone apps, takes the files as they are."""

from dataclasses import replace

import mediapipe
import numpy as np
import pytest
from mediapipe.tasks.python import BaseOptions, vision

from keras_resnet import export
from keras_resnet.export.files import FORMAT_FILES
from train.data import sources
from train.runs.restore import restore
from train.settings.data import DataSettings

DIGITS = DataSettings(dataset="digits")
LABELS = tuple(f"digit {number}" for number in range(10))


@pytest.fixture(scope="module")
def exported(digits_run, tmp_path_factory):
    folder, restored = tmp_path_factory.mktemp("mediapipe"), restore(digits_run)
    images = sources.load(DIGITS, 32).train.read()[:100]
    card = replace(restored.card, labels=LABELS)
    export.save(restored.model, folder, ["float32", "int8"], card, images)
    return folder


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_the_classifier_gives_the_names_and_scores_of_litert(exported, name):
    path = str(exported / FORMAT_FILES[name])
    options = vision.ImageClassifierOptions(BaseOptions(model_asset_path=path))
    images = sources.load(DIGITS, 32).test.read()[::40]
    expected = export.load(exported, name)(images)
    with vision.ImageClassifier.create_from_options(options) as classifier:
        for image, probabilities in zip(images, expected, strict=True):
            picture = mediapipe.Image(mediapipe.ImageFormat.SRGB, np.ascontiguousarray(image))
            (found,) = classifier.classify(picture).classifications
            scores = {category.category_name: category.score for category in found.categories}
            assert found.categories[0].category_name == LABELS[probabilities.argmax()]
            for label, score in scores.items():
                assert abs(score - probabilities[LABELS.index(label)]) < 1e-5
            assert set(scores) == set(LABELS)
