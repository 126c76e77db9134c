"""How a network is trained: data, recipe, engine, run folder, and the commands over them.

Imports `keras_resnet`, never the other way round.
"""
