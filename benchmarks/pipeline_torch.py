"""PyTorch's part in `benchmarks.pipeline`: a program of its own, for an environment of its own."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import torch

# torchvision's wheels are for GPUs: beside a PyTorch for CPUs, operators that it names are missing.
# Photographs are opened with Pillow, its default, and need none of them.
library = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from torch.utils.data import DataLoader, Subset  # noqa: E402
from torchvision import transforms  # noqa: E402
from torchvision.datasets import ImageFolder  # noqa: E402

BATCH = 128


def main() -> None:
    """Reads as many images as asked for whenever a line comes in."""
    flags = argparse.ArgumentParser()
    flags.add_argument("--dataset", type=Path)
    flags.add_argument("--image_size", type=int)
    flags.add_argument("--images", type=int)
    flags.add_argument("--cores", type=int)
    options = flags.parse_args()
    torch.set_num_threads(1)
    look = transforms.Compose([
        transforms.RandomResizedCrop(options.image_size),
        transforms.RandomHorizontalFlip(),
        transforms.PILToTensor(),
    ])  # fmt: skip
    data = ImageFolder(options.dataset / "train", look)
    workers = options.cores if options.cores > 1 else 0
    for line in sys.stdin:
        order = torch.randperm(len(data), generator=torch.Generator().manual_seed(int(line)))
        cpu, wall = sum(os.times()[:4]), time.perf_counter()
        for _ in DataLoader(Subset(data, order[: options.images]), BATCH, num_workers=workers):
            pass
        row = {"cpu": sum(os.times()[:4]) - cpu, "wall": time.perf_counter() - wall}
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
