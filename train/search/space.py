"""What a search may choose: values or a range for any field of a `Spec` or a `Recipe`.

No Keras, no TensorFlow, no KerasTuner.
"""

from collections.abc import Iterator, Mapping
from dataclasses import Field, asdict, dataclass, fields, replace
from typing import Any, NamedTuple

from keras_resnet import Spec
from keras_resnet.utils.errors import InputError
from keras_resnet.utils.fields import read
from train.settings.recipe import Recipe, check_crop_fields

SEARCHED = {  # what is searched unless a flag says otherwise; all else is as in the base network
    "blocks": "1:3",
    "width_multiplier": "0.5:1.5",
    "activation_order": "original,full_preact",
    "block": "basic,bottleneck",
    "shortcut": "A,B",
    "learning_rate": "0.05:0.5",
    "weight_decay": "1e-4:5e-3",
    "label_smoothing": "0,0.1",
}
# Of the data, of how they are prepared, or of the search as a whole: the same in all trials.
FIXED = (
    "input_shape", "classes", "epochs", "seed", "validation_fraction",
    "subtract_mean", "augmentation_pool", "teacher", "temperature", "label_share", "class_weight",
    "deliver",
)  # fmt: skip
DECADE = 10  # a range whose ends differ by this factor is drawn from on a logarithmic scale
STAGES = tuple[int, ...]  # the type of fields that have a value for each stage


class Dimension(NamedTuple):
    """One thing that is searched: one of some `values`, or a number from `low` to `high`."""

    name: str  # the field's, with the number of the stage if there is one for each
    field: str
    stage: int | None
    values: tuple[Any, ...] = ()
    low: float = 0
    high: float = 0

    def value(self, drawn: Any) -> Any:
        """What was drawn, as it is used: from a range rounded to three digits."""
        if self.values:
            return type(self.values[0])(drawn)  # KerasTuner takes true for 1
        if isinstance(self.low, float):
            drawn = min(max(float(f"{drawn:.3g}"), self.low), self.high)
        return drawn

    @property
    def pinned(self) -> bool:
        """Whether there is nothing to choose."""
        return len(self.values) == 1

    @property
    def logarithmic(self) -> bool:
        """Whether small numbers of the range are as likely as large ones."""
        return self.low > 0 and self.high / self.low >= DECADE


@dataclass(frozen=True)
class Space:
    """A network, a recipe, and what of them is searched or pinned."""

    spec: Spec
    recipe: Recipe
    dimensions: tuple[Dimension, ...]

    def description(self) -> dict[str, Any]:
        """The space as plain data, for a record."""
        network, recipe = asdict(self.spec), asdict(self.recipe)
        rows = [row._asdict() for row in self.dimensions]
        return {"network": network, "recipe": recipe, "dimensions": rows}

    @property
    def searched(self) -> tuple[Dimension, ...]:
        """The dimensions that are not pinned."""
        return tuple(row for row in self.dimensions if not row.pinned)

    def point(self, values: Mapping[str, Any]) -> tuple[Spec, Recipe]:
        """The network and the recipe at a point.

        Args:
            values: By name of what is searched, see `Dimension.value`; other names are ignored.

        Raises:
            InputError: if there is no such network, as its parts do not go together.
        """
        changes: dict[str, Any] = {}
        for dimension in self.dimensions:
            drawn = dimension.values[0] if dimension.pinned else values[dimension.name]
            value = dimension.value(drawn)
            if dimension.stage is None:
                changes[dimension.field] = value
            else:
                stages = changes.setdefault(
                    dimension.field, list(getattr(self.spec, dimension.field))
                )
                stages[dimension.stage] = value
        return _replace(self.spec, self.recipe, changes)


def parse(spec: Spec, recipe: Recipe, texts: Mapping[str, str], **fixed: Any) -> Space:
    """A space from what is written on a command line.

    Args:
        spec: The network of which some fields are searched.
        recipe: The recipe of which some are.
        texts: By name of the field: `0.5:1.5` for a range, `A,B` for a choice of values, one value
            to pin it. For a field with a value for each stage, `1:3` holds for every one, and
            `1:2/1:3/4` has one for each.
        **fixed: Fields of the recipe that are the same in all trials.

    Raises:
        InputError: if a text cannot be read, a value is not legal for its field, or nothing is left
            to search.
    """
    found = tuple(
        dimension
        for field in searchable()
        if field.name in texts
        for dimension in _dimensions(field, texts[field.name], len(spec.blocks))
    )
    # Together, as one may be legal only beside the other.
    names = {field.name for field in fields(Recipe)}
    crops = [value for row in found if row.field == "crop" for value in row.values]
    check_crop_fields((*texts, *fixed), crops or [recipe.crop])
    pins = {row.field: row.values[0] for row in found if row.pinned and row.field in names}
    space = Space(spec, replace(recipe, **fixed, **pins), found)
    if not space.searched:
        raise InputError("nothing is left to search: give a range, as in --width_multiplier=0.5:2.")
    return space


def searchable() -> list[Field]:
    """The fields that can be searched, of specs, then of recipes."""
    return [field for cls in (Spec, Recipe) for field in fields(cls) if field.name not in FIXED]


def describe(spec: Spec) -> str:
    """A network in a few words, as in `basic blocks 1-1-1 of 16-32-64 channels, original, A`."""
    widths = "-".join(str(spec.width(stage)) for stage in range(len(spec.widths)))
    blocks = "-".join(map(str, spec.blocks))
    order = spec.activation_order
    return f"{spec.block} blocks {blocks} of {widths} channels, {order}, {spec.shortcut}"


def _replace(spec: Spec, recipe: Recipe, changes: dict[str, Any]) -> tuple[Spec, Recipe]:
    of_spec = {field.name for field in fields(Spec)} & changes.keys()
    return (
        replace(spec, **{name: changes[name] for name in of_spec}),
        replace(recipe, **{name: changes[name] for name in changes.keys() - of_spec}),
    )


def _dimensions(field: Field, text: str, stages: int) -> Iterator[Dimension]:
    if field.type != STAGES:
        yield _dimension(field, text, field.name, None)
        return
    parts = text.split("/")
    if len(parts) not in (1, stages):
        raise InputError(
            f"{field.name} {text!r} is for {len(parts)} stages, and the network has {stages}: "
            "give one, or one for each."
        )
    for stage in range(stages):
        part = parts[stage % len(parts)]
        yield _dimension(field, part, f"{field.name}_{stage + 1}", stage)


def _dimension(field: Field, text: str, name: str, stage: int | None) -> Dimension:
    kind = int if field.type == STAGES else field.type
    ends = text.split(":")
    if kind in (int, float) and len(ends) == 2:
        low, high = (_value(field, kind, end) for end in ends)
        if low < high:
            return Dimension(name, field.name, stage, (), low, high)
        raise InputError(f"{field.name} {text!r} is not a range: write the smaller number first.")
    values = (_value(field, kind, part) for part in text.split(","))
    return Dimension(name, field.name, stage, tuple(dict.fromkeys(values)))


def _value(field: Field, kind: Any, text: str) -> Any:
    """A value as it is written, if it is legal for a field."""
    try:
        return read(field.name, text.strip(), kind, {"low": 1, **field.metadata})
    except InputError as error:
        raise InputError(
            f"{error} Write low:high for a range, values with commas between for a choice, or one "
            "value."
        ) from None
