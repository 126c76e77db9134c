"""The model card: `README.md` with the scores as Hugging Face reads them."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from keras_resnet.utils.atomic import replacing
from train.evaluation.record import EvaluationRecord
from train.evaluation.summary import with_interval

MODEL_CARD = "README.md"
TEMPLATES = Path(__file__).parent / "templates"


def write_model_card(folder: Path, record: EvaluationRecord, license: str = "") -> None:
    """Writes a model card with the results of an evaluation.

    Args:
        folder: Where to.
        record: Of the evaluation.
        license: Of the weights, by its name at Hugging Face, such as `apache-2.0`.
    """
    with replacing(folder / MODEL_CARD) as partial:
        partial.write_text(model_card(record, license), encoding="utf-8")


def model_card(record: EvaluationRecord, license: str = "") -> str:
    """The text of such a card."""
    environment = Environment(  # Markdown is not HTML: `cell` escapes what would break it
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.filters |= {"with_interval": with_interval, "cell": _cell}
    values = {"top5": None, "license": license, "index": _index(record), **record}
    return environment.get_template(MODEL_CARD_TEMPLATE).render(values)


MODEL_CARD_TEMPLATE = "model_card.md.j2"


def _cell(text: str) -> str:
    """A name as plain text of a table in Markdown."""
    for letter in "\\`*_[]<>|":
        text = text.replace(letter, f"\\{letter}")
    return text


def _index(record: EvaluationRecord) -> list[dict[str, Any]]:
    """The key `model-index`; JSON is YAML."""
    data = record["data"]
    metrics = [{"type": "accuracy", "value": record["top1"]["value"], "name": "top-1 accuracy"}]
    if "top5" in record:
        value = record["top5"]["value"]
        metrics.append({"type": "accuracy", "value": value, "name": "top-5 accuracy"})
    result = {
        "task": {"type": "image-classification", "name": "Image Classification"},
        "dataset": {"type": data["name"], "name": data["name"], "split": data["split"]},
        "metrics": metrics,
    }
    return [{"name": record["subject"]["name"], "results": [result]}]
