"""Lab 5, fair_control: the plan of a control, which shares with its subject all but the method."""

import copy

from tflite_course.labs.exercise import Exercise, KnownMistake

TRAINING = ("epochs", "learning_rate")  # what a stage has besides its method and the method's settings


def fair_control(subject):
    return _control(subject)


def _control(subject, **changed):
    """Return the plan of the control; changed: what an unfair one has instead."""
    stages = [{key: stage[key] for key in TRAINING} | {"method": None} for stage in subject["stages"]]
    return copy.deepcopy(subject) | {"stages": stages} | changed


def cases(rng):
    return [(_subject(rng, count),) for count in (1, 2, 2, 3)]


def _subject(rng, count):
    """Return the plan of an experiment with count stages of training, each with another method or with none."""
    methods = [
        {"method": "prune", "sparsity": round(float(rng.uniform(0.5, 0.9)), 2), "block_size": [1, 1]},
        {"method": "cluster", "clusters": int(rng.choice([8, 16, 32]))},
        {"method": "quantize", "bits": int(rng.choice([4, 8])), "per_channel": True},
    ]
    rates = rng.permutation([1e-3, 3e-4, 1e-4])
    stages = [
        {"epochs": int(rng.integers(1, 4)) + k, "learning_rate": float(rates[k])} | methods[number]
        for k, number in enumerate(rng.permutation(3)[:count])
    ]
    if count == 3:  # it is warmed up first, with no method at all
        stages[0] = {"epochs": stages[0]["epochs"], "learning_rate": stages[0]["learning_rate"], "method": None}
    return {
        "start": str(rng.choice(["mnist_cnn", "mnist_ds"])),
        "images": int(rng.integers(3, 40)) * 1000,
        "batch": int(rng.choice([32, 64])),
        "seeds": [int(seed) for seed in rng.choice(100, 3, replace=False)],
        "stages": stages,
        "file": str(rng.choice(["int8", "float16"])),
        "strip": True,
        "measured_on": ["MNIST test set", "pen digits"],
    }


def untrained(subject):
    return _control(subject, stages=[])


def last_stage_alone(subject):
    return _control(subject, stages=_control(subject)["stages"][-1:])


def first_stage_alone(subject):
    return _control(subject, stages=_control(subject)["stages"][:1])


def one_stage_of_all_epochs(subject):
    stages = _control(subject)["stages"]
    return _control(subject, stages=[stages[0] | {"epochs": sum(stage["epochs"] for stage in stages)}])


def one_epoch_a_stage(subject):
    return _control(subject, stages=[stage | {"epochs": 1} for stage in _control(subject)["stages"]])


def usual_rate(subject):
    return _control(subject, stages=[stage | {"learning_rate": 1e-3} for stage in _control(subject)["stages"]])


def all_images(subject):
    return _control(subject, images=60_000)


def from_scratch(subject):
    return _control(subject, start=None)


def other_seeds(subject):
    return _control(subject, seeds=[seed + 1 for seed in subject["seeds"]])


def one_seed(subject):
    return _control(subject, seeds=subject["seeds"][:1])


def not_stripped(subject):
    return _control(subject, strip=False)


def float_file(subject):
    return _control(subject, file="float32")


def one_test_set(subject):
    return _control(subject, measured_on=subject["measured_on"][:1])


def the_subject_itself(subject):
    return copy.deepcopy(subject)


def settings_left(subject):
    return _control(subject, stages=[stage | {"method": None} for stage in copy.deepcopy(subject["stages"])])


def last_method_left(subject):
    return _control(subject, stages=[*_control(subject)["stages"][:-1], dict(subject["stages"][-1])])


def method_left_out(subject):
    return _control(subject, stages=[{key: stage[key] for key in TRAINING} for stage in subject["stages"]])


def stages_alone(subject):
    return _control(subject)["stages"]


EXERCISE = Exercise(
    points=2,
    tests="fair_control(subject) on plans with one to three stages of training",
    why="a control that differs in two things makes any method look good, or bad.",
    cases=cases,
    right=fair_control,
    mistakes=[
        KnownMistake(
            "your control is not trained. The subject saw its images for some epochs: training alone may explain the "
            "difference.",
            untrained,
        ),
        KnownMistake(
            "your control has the last stage only. It must go through all of them, or it trains less.", last_stage_alone
        ),
        KnownMistake(
            "your control has the first stage only. It must go through all of them, or it trains less.",
            first_stage_alone,
        ),
        KnownMistake(
            "your control has all epochs in one stage, at one learning rate. Keep the stages: each has its own rate.",
            one_stage_of_all_epochs,
        ),
        KnownMistake("your control has one epoch in each stage. It trains as long as the subject.", one_epoch_a_stage),
        KnownMistake(
            "your control always has a rate of 1e-3. With another learning rate nobody can tell what the method did.",
            usual_rate,
        ),
        KnownMistake("your control sees all training images. It gets those of the subject, and no more.", all_images),
        KnownMistake("your control starts from nothing. It starts where the subject starts.", from_scratch),
        KnownMistake("your control has other seeds. With the same seeds you can subtract pair by pair.", other_seeds),
        KnownMistake("your control has one seed. Luck shows only where each seed has its pair.", one_seed),
        KnownMistake(
            "your control's file is not stripped, so its names and signatures count as weights that the method saved.",
            not_stripped,
        ),
        KnownMistake(
            "your control is measured as float32. Then the kind of file and the method are mixed up.", float_file
        ),
        KnownMistake("your control is not measured on all test sets of the subject.", one_test_set),
        KnownMistake("this is the subject once more: take the method out of its stages.", the_subject_itself),
        KnownMistake(
            "you set the method to None and keep its settings, sparsity for example. They go with the method.",
            settings_left,
        ),
        KnownMistake('your stages have no "method" any more. A plan says so: `"method": None`.', method_left_out),
        KnownMistake("the method of the last stage is still there. Take it out of every stage.", last_method_left),
        KnownMistake("these are the stages alone. Return the whole plan.", stages_alone),
    ],
)
