from __future__ import annotations

import json
import subprocess
import sys

import pytest

from nictate.exercises.course import LESSONS, lesson_named
from nictate.signals import ConfigError


def test_every_exercise_has_its_name_and_its_values() -> None:
    assert list(LESSONS) == ["activations", "pitfalls", "weight_decay", "bayes", "convolution", "case_study"]
    assert all(lesson.name == name and lesson.goldens for name, lesson in LESSONS.items())
    assert lesson_named("bayes") is LESSONS["bayes"]


def test_another_name_is_the_operators_mistake() -> None:
    with pytest.raises(ConfigError, match="no exercise nope: activations, pitfalls"):
        lesson_named("nope")


def test_reading_and_checking_need_neither_torch_nor_onnx_nor_matplotlib() -> None:
    """As on a machine that has the detector alone; what needs them is told to be left out."""
    program = """if True:
        import json, sys
        class Absent:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in {"torch", "onnx", "onnxscript", "matplotlib"}:
                    raise ModuleNotFoundError(name)
        sys.meta_path.insert(0, Absent())
        from nictate.exercises import lesson
        from nictate.exercises.course import LESSONS
        lesson.find_spec = lambda name: None
        LESSONS.pop("case_study")
        print(json.dumps([one.passed for each in LESSONS.values() for one in lesson.check(each)]))
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    passed = json.loads(done.stdout)
    assert False not in passed
    assert passed.count(None) == 3
