"""Worked exercises of a deep-learning course, each as a small module that can be read, run and checked.

One idea a module, in numpy: `activations`, `pitfalls`, `weight_decay`, `bayes`, `convolution`, and `case_study`, which
is the detector itself. `tape` differentiates what they compute; `twins` does for torch and ONNX models what
`activations` explains. Question, derivation and answer of each stand in `lessons`. Nothing here is imported by the
detector or the service.
"""
