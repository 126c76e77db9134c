"""The networks that ResNet was compared with: LeNet-5, AlexNet, VGG and GoogLeNet."""
