"""Three data sets become one folder of classes."""

from pathlib import Path

import pytest

from docs import imagenet221

pytestmark = pytest.mark.unit


def photograph(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(path))


def test_all_photographs_are_there_under_their_classes(tmp_path):
    small, large, target = tmp_path / "tiny", tmp_path / "large", tmp_path / "made"
    for wnid in ("n01", "n02"):
        photograph(small / f"train/{wnid}/images/{wnid}_0.JPEG")
    photograph(small / "val/images/val_0.JPEG")
    (small / "val/val_annotations.txt").write_text("val_0.JPEG\tn02\t0\t0\t62\t57\n")
    photograph(large / "train/n02/n02_0.JPEG")  # another one of the same name
    photograph(large / "val/n03/n03_7.JPEG")
    assert imagenet221.make(small, [large], target) == 5
    made = {str(path.relative_to(target)): path.read_text() for path in target.rglob("*.JPEG")}
    assert made == {
        "train/n01/0_n01_0.JPEG": str(small / "train/n01/images/n01_0.JPEG"),
        "train/n02/0_n02_0.JPEG": str(small / "train/n02/images/n02_0.JPEG"),
        "val/n02/0_val_0.JPEG": str(small / "val/images/val_0.JPEG"),
        "train/n02/1_n02_0.JPEG": str(large / "train/n02/n02_0.JPEG"),
        "val/n03/1_n03_7.JPEG": str(large / "val/n03/n03_7.JPEG"),
    }
