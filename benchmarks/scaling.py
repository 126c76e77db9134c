"""What data parallelism needs of a network: `python -m benchmarks.scaling --share=0.25`.

Counted: parameters and multiply-adds of the network. Assumed: what an accelerator can do at most,
the share of it that training reaches, float32 gradients, and an all-reduce in a ring.
"""

import argparse

from keras_resnet.families import macs, parameters
from keras_resnet.spec import NETWORKS

FLOPS_PER_MAC = 2
PASSES = 3  # forward, and by activations and by weights backward, which cost about as much each
GRADIENT_BYTES = 4  # float32, also in mixed precision
PEAK = 989e12  # FLOP/s of an H100 SXM, dense bfloat16: NVIDIA's data sheet


def ring_bytes(gradients: float, accelerators: int) -> float:
    """Bytes that each accelerator sends in an all-reduce over a ring: Patarasuk and Yuan, 2009."""
    return 2 * (accelerators - 1) / accelerators * gradients


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="ResNet50", choices=NETWORKS)
    parser.add_argument("--batch", type=int, default=256, help="images per accelerator")
    parser.add_argument("--share", type=float, default=0.25, help="of the peak that is reached")
    flags = parser.parse_args()
    spec = NETWORKS[flags.model]
    gradients = parameters(spec) * GRADIENT_BYTES
    if not (0 < flags.share <= 1 and flags.batch > 0):
        parser.error("--share must be above 0 and at most 1, and --batch at least 1")
    work = PASSES * FLOPS_PER_MAC * macs(spec) * flags.batch
    seconds = work / (PEAK * flags.share)
    print(
        f"{flags.model}: {parameters(spec) / 1e6:.1f} M parameters, {macs(spec) / 1e9:.2f} G MACs"
    )
    print(
        f"gradients {gradients / 1e6:.1f} MB; a step {work / 1e12:.2f} TFLOP, "
        f"{seconds * 1e3:.1f} ms"
    )
    print("accelerators  sent per step  to hide all  for 10 % of a step")
    for count in (8, 64, 512):
        sent = ring_bytes(gradients, count)
        rate = 8 * sent / seconds / 1e9
        print(f"{count:12}  {sent / 1e6:10.1f} MB {rate:7.0f} Gbit/s {10 * rate:14.0f} Gbit/s")


if __name__ == "__main__":
    main()
