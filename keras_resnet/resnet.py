"""What `keras.applications.resnet` has, for those who change one import."""

from keras_resnet.models import ResNet50, ResNet101, ResNet152

preprocess_input = ResNet50.preprocess_input
decode_predictions = ResNet50.decode_predictions

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]
