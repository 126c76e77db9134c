"""Small networks from trained ones: knowledge distillation and quantization-aware training."""
