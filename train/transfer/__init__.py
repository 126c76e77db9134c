"""From pretrained weights to other classes: features, a head on them, and what time allows."""
