"""What machines and Hugging Face read."""

import csv
import re

import pytest
from huggingface_hub import ModelCard

from keras_resnet import InputError
from keras_resnet.utils.schema import write_json
from tests.train.evaluation.example import record
from train.evaluation import summary
from train.evaluation.model_card import write_model_card
from train.evaluation.record import EVALUATION, read_evaluation

pytestmark = pytest.mark.unit


def test_hugging_face_reads_the_results(tmp_path):
    content = record()
    write_model_card(tmp_path, content, license="apache-2.0")
    card = ModelCard.load(tmp_path / "README.md", ignore_metadata_errors=False)
    (top1, top5) = card.data.eval_results
    assert (card.data.model_name, card.data.license) == ("tiny: a network", "apache-2.0")
    assert (top1.task_type, top1.dataset_name, top1.dataset_split) == (
        "image-classification", "photos", "test",
    )  # fmt: skip
    assert (top1.metric_type, top1.metric_value) == ("accuracy", content["top1"]["value"])
    assert top5.metric_value == content["top5"]["value"]
    assert card.data.library_name == "keras"
    assert r"| frog\|toad |" in card.text
    assert r"\<b\>" in card.text
    assert "training images that the network may have seen" in card.text
    assert "several looks" not in card.text


def test_a_card_of_few_classes_and_of_a_file_of_unknown_cost_is_whole(tmp_path):
    content = record()
    del content["top5"]
    content["subject"] |= {"parameters": None, "macs": None}
    write_model_card(tmp_path, content)
    card = ModelCard.load(tmp_path / "README.md", ignore_metadata_errors=False)
    assert len(card.data.eval_results) == 1
    assert "top-5" not in card.text
    assert "parameters" not in card.text
    assert "license" not in card.data.to_dict()


def test_scores_by_several_looks_are_told_from_those_by_one(tmp_path):
    content = record()
    content["views"] = [row | {"name": name} for name in ("six", "one") for row in content["views"]]
    write_model_card(tmp_path, content)
    assert (
        "by the mean of several looks at each (view `six`)" in (tmp_path / "README.md").read_text()
    )
    assert summary.text(content).startswith(
        "tiny: a network (int8), 300 test images of photos, view six\n"
    )


def test_the_table_has_the_columns_of_timm(tmp_path):
    content = record()
    summary.write_results(tmp_path, [content], 64, 0.875)
    with open(tmp_path / "results.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert ",".join(row) == (
        "model,img_size,top1,top1_err,top5,top5_err,param_count,crop_pct,interpolation"
    )
    assert float(row["top1"]) == pytest.approx(100 * content["top1"]["value"], abs=6e-4)
    assert float(row["top1"]) + float(row["top1_err"]) == pytest.approx(100)
    assert (row["img_size"], row["param_count"], row["top5_err"]) == ("64", "1.23", "3.333")
    assert row["crop_pct"] == "0.875"


def test_people_read_the_same(tmp_path):
    text = summary.text(record())
    assert text.startswith("tiny: a network (int8), 300 test images of photos\n  top-1 ")
    weakest = min(record()["per_class"], key=lambda row: row["recall"])
    assert re.search(rf"\n  weakest classes +{weakest['name']} ", text)
    assert "training images that the network may have seen" in text
    assert "view" not in text


def test_a_record_is_read_strictly(tmp_path):
    with pytest.raises(InputError, match=r"run train\.evaluate first"):
        read_evaluation(tmp_path)
    write_json(tmp_path / EVALUATION, record())
    assert read_evaluation(tmp_path)["data"]["images"] == 300
    write_json(tmp_path / EVALUATION, record(top1={"value": 1.0}))
    with pytest.raises(InputError, match=r"evaluation\.json: top1\.low is missing"):
        read_evaluation(tmp_path)
