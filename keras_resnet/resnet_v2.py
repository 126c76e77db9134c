"""What `keras.applications.resnet_v2` has, for those who change one import."""

from keras_resnet.models import ResNet50V2, ResNet101V2, ResNet152V2

preprocess_input = ResNet50V2.preprocess_input
decode_predictions = ResNet50V2.decode_predictions

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]
