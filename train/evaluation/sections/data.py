"""The data card: what there is to learn from and to be tested with."""

import numpy as np

from train.data.dataset import Data
from train.evaluation.blocks import Block, Facts, Gallery, Picture, Sheet, Table
from train.evaluation.data_card import Duplicate, augmented_batch, counts, duplicates
from train.evaluation.material import Material
from train.evaluation.pictures import contact_sheet, thumbnail

MOST_ROWS = 30  # of a table that is not folded
MOST_DUPLICATES = 6  # pairs whose pictures are shown
SHEET_PIXELS = 560  # width of a batch on the page


def data_card(material: Material) -> list[Block]:
    """Counts by class and split, sizes, duplicates, and a batch as the network sees it."""
    data, recipe = material.data, material.recipe
    if data is None:
        return []
    table = counts(data, recipe.validation_fraction if recipe else 0.0)
    rows = [
        [name, *(f"{column[label]:,}" for column in table.values())]
        for label, name in enumerate(data.classes)
    ]
    rows.append(["all", *(f"{sum(column):,}" for column in table.values())])
    height, width, channels = data.shape
    facts = {
        "images": f"{height}x{width} pixels, {'RGB' if channels == 3 else 'grey'}",
        "classes": f"{len(data.classes):,}",
        "mirror images": "of the same class" if data.mirror else "not of the same class",
    }
    found = _duplicates(data)
    facts |= _words(found)
    blocks: list[Block] = [
        Facts(facts),
        Table("Images of each class", ["class", *table], rows, folded=len(rows) > MOST_ROWS),
    ]
    if found:
        shown = [pair for pair in found if pair.splits == ("training", "test")][:MOST_DUPLICATES]
        pictures = [_picture(data, pair) for pair in shown]
        blocks += [Gallery("Test images that are training images, too", pictures)] * bool(shown)
    if recipe is not None:
        batch = augmented_batch(data, recipe)
        title = f"{len(batch)} augmented training images of the first epoch"
        alt = f"A batch as the network sees it: {title}, cropped, flipped and mixed by the recipe"
        blocks.append(Sheet(title, contact_sheet(batch), alt, SHEET_PIXELS))
    return blocks


def _duplicates(data: Data) -> list[Duplicate] | None:
    """The duplicates, if the images are in memory: reading others once more may take hours."""
    return duplicates(data) if data.train.in_memory and data.test.in_memory else None


def _words(found: list[Duplicate] | None) -> dict[str, str]:
    if found is None:
        return {"exact duplicates": "not looked for, as the images are not in memory"}
    pairs = {
        "exact duplicates among training images": ("training", "training"),
        "exact duplicates among test images": ("test", "test"),
        "test images that are training images, too": ("training", "test"),
    }
    counts = {}
    for name, splits in pairs.items():
        some = [pair for pair in found if pair.splits == splits]
        wrong = sum(pair.contradicts for pair in some)
        counts[name] = f"{len(some):,}" + (f", {wrong:,} with another label" if wrong else "")
    return counts


def _picture(data: Data, pair: Duplicate) -> Picture:
    there, here = (data.classes[label] for label in pair.labels)
    source = thumbnail(data.test.read(np.array([pair.places[1]]))[0])
    words = [f"training {pair.places[0]}: {there}", f"test {pair.places[1]}: {here}"]
    return Picture(source, " and ".join(words), words)
