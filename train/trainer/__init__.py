"""Training itself: the model in training, `fit`, callbacks, checkpoints."""
