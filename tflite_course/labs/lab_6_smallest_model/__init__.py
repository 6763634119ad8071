"""The exercises of lab 6: the best accuracy in few bytes, and the proof that stripping changes no answer."""

from tflite_course.labs.lab_6_smallest_model import build_network, choose, my_model, plan, same_answers, strip_file
from tflite_course.labs.lab_6_smallest_model.my_model import LEVELS

__all__ = ["EXERCISES", "LEVELS"]

EXERCISES = {
    "plan": plan.EXERCISE,
    "build_network": build_network.EXERCISE,
    "strip_file": strip_file.EXERCISE,
    "same_answers": same_answers.EXERCISE,
    "my_model": my_model.EXERCISE,
    "choose": choose.EXERCISE,
}
