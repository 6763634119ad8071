"""What makes things: stored outputs, labs, data sets, models, experiments, measurements of targets.

`python -m tflite_course.authoring` lists every maker with its inputs and outputs. No lesson imports from here.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
