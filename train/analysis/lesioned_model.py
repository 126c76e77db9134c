"""A copy of a network, blocks of which can be deleted and swapped, exactly.

Standard Keras but for one layer, which is never saved.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import keras

from train.analysis.graph import BLOCK, BRANCH, copy


class Switch(keras.layers.Layer):
    """Passes on the first of two inputs, or if it is off the second."""

    def build(self, input_shape):
        """The state of the switch."""
        self.on = self.add_weight(shape=(), initializer="ones", trainable=False)

    def call(self, inputs):
        """Chooses, and does not compute: what is passed on is exact."""
        return keras.ops.where(self.on > 0, *inputs)


class LesionedModel:
    """A copy of a network, whose blocks can be deleted and swapped.

    Args:
        model: A network of named blocks.
    """

    def __init__(self, model: keras.Model):
        ends = block_ends(model)
        inputs: dict[str, Any] = {}  # of the blocks

        def call(layer, *arguments, **more):
            output = layer(*arguments, **more)
            block = BLOCK.match(layer.name)
            if block is None:
                return output
            inputs.setdefault(block[1], arguments[0])
            if layer.name != ends[block[1]]:
                return output
            is_sum = isinstance(layer, keras.layers.Add)  # of the shortcut and the branch
            without = arguments[0][0] if is_sum else inputs[block[1]]
            if without.shape != output.shape:
                return output
            return Switch(name=f"{block[1]}_switch")([output, without])

        self.model = copy(model, call)
        self.blocks = [*ends]
        self._switches = {
            layer.name.removesuffix("_switch"): layer
            for layer in self.model.layers
            if isinstance(layer, Switch)
        }
        self._layers = defaultdict(list)
        for layer in self.model.layers:
            if block := BLOCK.match(layer.name):
                self._layers[block[1]].append(layer)
        self._weights = {
            block: [layer.get_weights() for layer in layers]
            for block, layers in self._layers.items()
        }

    @property
    def deletable(self) -> list[str]:
        """The blocks that can be deleted."""
        return [*self._switches]

    @property
    def groups(self) -> list[list[str]]:
        """Blocks of the same shape, where there are two or more."""
        groups = defaultdict(list)
        for block in self.blocks:
            shapes = str([
                (BLOCK.match(layer.name)[2], [weight.shape for weight in weights])  # type: ignore[index]
                for layer, weights in zip(self._layers[block], self._weights[block], strict=True)
            ])  # fmt: skip
            groups[shapes].append(block)
        return [group for group in groups.values() if len(group) > 1]

    def delete(self, blocks: Iterable[str]) -> None:
        """Deletes these blocks, and no others."""
        deleted = {*blocks}
        for block, switch in self._switches.items():
            switch.on.assign(float(block not in deleted))

    def order(self, blocks: Sequence[str]) -> None:
        """Puts a block in the place of each of `self.blocks`, all of them whole."""
        self.delete([])
        for place, block in zip(self.blocks, blocks, strict=True):
            for layer, weights in zip(self._layers[place], self._weights[block], strict=True):
                layer.set_weights(weights)


def block_ends(model: keras.Model) -> dict[str, str]:
    """By block, the layer that adds the shortcut; or else the last one on the branch."""
    ends = {}
    for layer in model.layers:
        block = BLOCK.match(layer.name)
        if block and (BRANCH.match(layer.name) or isinstance(layer, keras.layers.Add)):
            ends[block[1]] = layer.name
    return ends
