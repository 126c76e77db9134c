"""`config.json`, as packages on the Hugging Face Hub have it: which network, and which images."""

import re
from pathlib import Path
from typing import Any

from keras_resnet.spec.preprocessing import Preprocessing
from keras_resnet.utils.errors import InputError, sentence
from keras_resnet.utils.schema import read_json

TIMM = re.compile(r"(wide_)?resnet(\d+[dt]|(v2)?_?\d+(_2)?)")  # the names of plain ResNets there
PLAIN_ARGUMENTS = {
    "num_classes", "in_chans", "global_pool", "drop_rate", "drop_path_rate", "output_stride",
}  # fmt: skip
TRANSFORMERS = {
    "hidden_act": "relu",
    "downsample_in_bottleneck": False,
    "downsample_in_first_stage": False,
}


def read_hub_config(path: Path) -> dict[str, Any] | None:
    """Reads the `config.json` beside a file of the Hugging Face Hub.

    Returns:
        `None` if there is none of a plain ResNet; else `output_stride`, as in `Spec`, and
        `preprocessing`, if it says how images are prepared.

    Raises:
        InputError: if it is of a network that this family does not have.
    """
    place = path.with_name("config.json")
    if not place.is_file():
        return None
    config = read_json(place)
    if not isinstance(config, dict):
        raise InputError(f"{place} is no JSON object: remove or mend it.")
    name = config.get("architecture")
    if name is None and config.get("model_type") != "resnet":
        return None
    odd = [
        f"{key} {config[key]!r}"
        for key, value in TRANSFORMERS.items()
        if name is None and config.get(key, value) != value
    ]
    arguments = config.get("model_args") or {} if name is not None else {}
    if name is not None:
        odd = [] if TIMM.fullmatch(str(name)) else [f"architecture {str(name)[:60]!r}"]
        odd += [f"{key}={arguments[key]!r}" for key in arguments if key not in PLAIN_ARGUMENTS]
    if odd:
        raise InputError(
            f"{place} says {', '.join(odd)[:200]}, and this family has no such network: take the "
            "weights of a plain resnet or resnetv2."
        )
    found = {"output_stride": arguments.get("output_stride", 0)}
    # Files of timm before 2023 have these settings beside the others.
    source = config.get("pretrained_cfg") or config
    try:
        return found | _hub_preprocessing(source)
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{place} does not say how images are prepared ({sentence(error)}): mend it."
        ) from error


def _hub_preprocessing(source: dict[str, Any]) -> dict[str, Preprocessing]:
    """What `pretrained_cfg` of timm says, by its names."""
    if "mean" not in source or "std" not in source:
        return {}
    _, *size = source.get("input_size", (3, 224, 224))
    preprocessing = Preprocessing.of_unit(
        source["mean"],
        source["std"],
        size=tuple(size),
        crop_ratio=source.get("crop_pct") or 1.0,
        interpolation=source.get("interpolation", "bicubic"),
    )
    return {"preprocessing": preprocessing}
