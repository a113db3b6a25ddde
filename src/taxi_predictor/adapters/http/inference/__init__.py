"""The Open Inference Protocol v2 (KServe, Triton): the model as tensors in, tensors out."""
