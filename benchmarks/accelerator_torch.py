"""PyTorch's part in `benchmarks/accelerator.py`: a program, for an environment of its own.

The fastest way that PyTorch documents: `torch.compile` with CUDA graphs, channels last, bfloat16,
a fused optimizer; images are resident on the device, cropped and mirrored there.
"""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional

PAD = 4
IMAGES = {32: 8192, 224: 2048}  # by their side: as many as do not fit a cache
SECONDS = 2.0  # of a turn on a GPU


class Unit(nn.Module):
    """A residual block of two convolutions."""

    def __init__(self, inputs: int, filters: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.stride, self.more = stride, filters - inputs

    def forward(self, x):
        """Shortcuts of more channels are option A of He et al. 2015, 4.2, as ours."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        x = x[:, :, :: self.stride, :: self.stride]
        before = self.more // 2
        return functional.relu(y + functional.pad(x, (0, 0, 0, 0, before, self.more - before)))


def cifar_resnet(depth: int) -> nn.Module:
    """ResNet of 6n + 2 layers (He et al. 2015, 4.2)."""
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    inputs = 16
    for stage, filters in enumerate((16, 32, 64)):
        for unit in range((depth - 2) // 6):
            layers.append(Unit(inputs, filters, 2 if stage and not unit else 1))
            inputs = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def network(name: str) -> nn.Module:
    """A network by our name.

    Raises:
        ValueError: for those of the second paper, which are in neither torchvision nor here.
    """
    if name == "ResNet50":
        from torchvision.models import resnet50

        return resnet50()
    if name.endswith("V2"):
        raise ValueError(f"{name} is in neither torchvision nor here: compare another network.")
    return cifar_resnet(int(name.removeprefix("ResNet")))


def training(job: dict):
    """A function that trains for some steps and waits until they are done."""
    cuda = torch.cuda.is_available()
    device, side, batch = "cuda" if cuda else "cpu", job["side"], job["batch"]
    torch.backends.cudnn.benchmark = True
    model = network(job["network"]).to(device, memory_format=torch.channels_last)
    kernels = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim == 1]
    optimizer = torch.optim.SGD(
        [{"params": kernels, "weight_decay": 1e-4}, {"params": others}], 0.1, 0.9,
        nesterov=True, fused=True,
    )  # fmt: skip
    shape = (job.get("images") or IMAGES[side], side + 2 * PAD, side + 2 * PAD, 3)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
    labels = torch.randint(0, 10 if side < 224 else 1000, shape[:1], device=device)
    span = torch.arange(side, device=device)

    def forward(index, rows, columns):
        x = pixels[index[:, None, None], rows[:, :, None], columns[:, None, :]]
        x = ((x.float() - 122.0) / 64.0).permute(0, 3, 1, 2)
        with torch.autocast(device, dtype=torch.bfloat16):
            return functional.cross_entropy(model(x), labels[index])

    if cuda:
        forward = torch.compile(forward, mode="reduce-overhead")

    def step():
        def draw(high, *size):
            return torch.randint(0, high, size, device=device)

        rows, columns = draw(2 * PAD + 1, batch, 1) + span, draw(2 * PAD + 1, batch, 1) + span
        columns = torch.where(draw(2, batch, 1) == 1, columns.flip(1), columns)
        loss = forward(draw(shape[0], batch), rows, columns)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    def steps(count: int):
        for _ in range(count):
            step()
        if cuda:
            torch.cuda.synchronize()

    return steps


def main() -> None:
    """Trains whenever a line comes in, and answers with the speed."""
    job = json.loads(sys.argv[1])
    steps, count, batch = None, 2, job["batch"]
    for _ in sys.stdin:
        if steps is None:  # not before: the other one may be measured
            steps = training(job)
            steps(5)
        begin = time.perf_counter()
        steps(count)
        seconds = time.perf_counter() - begin
        print(json.dumps({"images_per_s": count * batch / seconds}), flush=True)
        if torch.cuda.is_available():
            count = max(2, int(count * SECONDS / seconds))


if __name__ == "__main__":
    main()
