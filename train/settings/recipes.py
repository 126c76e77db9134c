"""The named recipes. Standard library only."""

from dataclasses import replace

from train.settings.recipe import Recipe

# He et al. 2015, 4.2: 64k steps of 128 images, the rate divided at 32k and 48k. The fields'
# defaults are this paper's. ResNet-110 needs --warmup=0.00625, as in paper_v2.
#   python -m train.cifar --model=resnet20 --recipe=paper
#   Not run in full here; the paper has 91.25 % test accuracy.
PAPER = Recipe(epochs=182)

# He et al. 2016, appendix: the same, with a tenth of the rate for the first 400 steps.
#   python -m train.cifar --model=resnet164v2 --recipe=paper_v2
#   Not run in full here; the paper has 94.54 % test accuracy.
PAPER_V2 = replace(PAPER, warmup=400 / 64000)

# A few epochs of Muon with one rise and fall of the rate: docs/performance.md has the ablation.
#   python -m train.cifar --model=resnet20 --recipe=fast --validation_fraction=0
#   91.36 ± 0.09 % of the CIFAR-10 test images (seeds 0 to 2: 91.25, 91.43, 91.39), in
#   31 to 59 minutes on two busy cores; 91.25 % is the paper's.
FAST = Recipe(
    epochs=24,
    optimizer="muon",
    learning_rate=0.2,
    nesterov=True,
    weight_decay=1e-3,
    schedule="one_cycle",
    warmup=0.25,
    flip="alternating",
)

# More epochs with less decay, and CutMix against overfitting: docs/performance.md has the ablation.
#   python -m train.cifar --model=resnet12wide --recipe=long --half_kernels --validation_fraction=0
#   95.58 % of the CIFAR-10 test images (seed 0), in 180 minutes on two cores.
LONG = replace(
    FAST, epochs=64, weight_decay=2.5e-4, border="reflect", cutmix=0.5, label_smoothing=0.1
)

# Knowledge distillation (Hinton et al. 2015) from weights of the repository, and from the labels:
# docs/performance.md has the ablation.
#   python -m train.cifar --model=resnet20v2 --recipe=distilled --validation_fraction=0
#   92.58 % of the CIFAR-10 test images (seed 0), with --half_kernels.
DISTILLED = replace(
    FAST,
    epochs=40,
    weight_decay=5e-4,
    border="reflect",
    augmentation_pool=10,
    teacher="saved_models/pretrained/resnet32_cifar10",
    label_share=0.5,
)

# He et al. 2015, 3.4, with the schedule of fb.resnet.torch: 90 epochs of ImageNet.
#   python -m train.imagenet --recipe=imagenet_paper --dataset=imagenet2012 --crop_ratio=0.875
#   Not run in full here; fb.resnet.torch has 75.99 % so (ResNet-50, one crop, the area crop).
IMAGENET_PAPER = Recipe(
    epochs=90,
    batch_size=256,
    schedule="step_thirds",
    crop="scale",
    lighting=0.1,
    validation_fraction=0.0,
)

# Short trainings of photographs, chosen on held-out training images of Imagenette, see
# docs/photographs.md; five epochs want larger parts of images, --min_area=0.6.
IMAGENET_FAST = replace(
    FAST,
    epochs=20,
    batch_size=64,
    warmup=0.1,
    crop="area",
    min_area=0.35,
    label_smoothing=0.1,
    validation_fraction=0.0,
)

# The last stages of a network that begins from weights, after its head: train.finetune, which
# chooses how many stages and epochs the time allows. Rates by stage as Howard and Ruder 2018, 3.2,
# statistics of the weights as in Detectron.
#   python -m train.finetune --dataset=FOLDER
FINETUNE = Recipe(
    epochs=10,
    batch_size=32,
    learning_rate=0.01,
    nesterov=True,
    schedule="one_cycle",
    warmup=0.1,
    label_smoothing=0.1,
    crop_padding=16,
    freeze_batchnorm=True,
    stage_decay=0.5,
    validation_fraction=0.15,
    patience=3,
    deliver="best",
)

HEAD_FIELDS = ("class_weight", "validation_fraction", "half_kernels", "seed")  # read for the head
PLANNED = ("epochs", "frozen_stages")  # fields that it chooses by the time, if not the user

RECIPES = {
    "fast": FAST,
    "long": LONG,
    "distilled": DISTILLED,
    "paper": PAPER,
    "paper_v2": PAPER_V2,
    "imagenet_paper": IMAGENET_PAPER,
    "imagenet_fast": IMAGENET_FAST,
    "finetune": FINETUNE,
}
