import keras
import numpy as np
import pytest
from ml_dtypes import bfloat16

from keras_resnet import InputError, Spec, families
from keras_resnet.export.card import ModelCard
from train.data.statistics import Normalization
from train.runs import results
from train.settings.recipe import Recipe
from train.trainer.model import inference_model, network_model


def scores(**accuracy):
    return {name: {"accuracy": value} for name, value in accuracy.items()}


def test_formats_may_differ_by_a_tenth_of_a_point():
    results.check_agreement(scores(keras=0.9, saved_model=0.9, float32=0.899))
    results.check_agreement(scores(keras=0.899, saved_model=0.9, float32=0.899))
    with pytest.raises(InputError, match=r"^model\.tflite scores 89\.88% .* Keras model 90\.00%"):
        results.check_agreement(scores(keras=0.9, saved_model=0.9, float32=0.8988))
    with pytest.raises(InputError, match="saved_model scores"):
        results.check_agreement(scores(keras=0.9, saved_model=0.9012, float32=0.9))


def test_a_history_without_validation_is_drawn(tmp_path):
    (tmp_path / "history.csv").write_text(
        "epoch,accuracy,loss,val_accuracy,val_loss\n1,0.5,2.0,,\n2,0.6,1.0,,\n"
    )
    results.plot_curves(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.png", "history.csv"]


def test_an_epoch_whose_validation_loss_is_not_finite_is_left_out_of_the_curves(tmp_path):
    """It ended a finished training: three epochs, but two losses."""
    rows = ["epoch,accuracy,loss,val_accuracy,val_loss", "1,0.5,2.0,0.1,", "2,0.6,1.0,0.2,1.5"]
    (tmp_path / "history.csv").write_text("\n".join(rows))
    results.plot_curves(tmp_path)
    assert (tmp_path / "curves.png").exists()


def test_kernels_of_half_precision_take_little_space_and_load_as_they_are(tmp_path):
    """By Keras itself, by `weights=`, and as the scored model has them."""
    spec, scale = Spec(blocks=(1, 1), widths=(32, 64)), Normalization([0.0] * 3, [1.0] * 3)
    trained = network_model(spec, scale, None)
    card, sizes = ModelCard("noise", labels=tuple("abcdefghij")), []
    for half in (False, True):
        model = inference_model(spec, Recipe(half_kernels=half), scale, trained)
        results.write_weights(tmp_path, model, card)
        sizes.append((tmp_path / "model.weights.h5").stat().st_size)
    assert sizes[1] < 0.45 * sizes[0]
    kernel = next(each for each in model.trainable_variables if each.ndim > 1).numpy()
    np.testing.assert_array_equal(kernel, kernel.astype(bfloat16))
    assert kernel.dtype == "float32"
    copy = inference_model(spec, Recipe(), scale, network_model(spec, scale, None))
    copy.load_weights(tmp_path / "model.weights.h5")
    images = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(copy(images), model(images))
    keras.utils.set_random_seed(1)
    built = families.build(spec, weights=tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(built(images), model(images))
