import pytest

from keras_resnet import InputError
from train.runs import results


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
