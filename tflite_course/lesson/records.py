"""Records: stored experiments as tables, models against each other on the same digits, what a lesson measured."""

import json
from pathlib import Path

import numpy as np

from tflite_course.errors import CourseError
from tflite_course.models import read_model
from tflite_course.resources import resource


def stored_record(name):
    """Return a stored experiment, assets/experiments/NAME.json, as a dict with "rows" and how they were made.

    Raises CourseError when the course has no such experiment.
    """
    return json.loads(resource(f"assets/experiments/{name}.json").read_text(encoding="utf-8"))


def read_rows(name):
    """Return the rows of a stored experiment as a pandas DataFrame, in their order; see stored_record()."""
    import pandas as pd

    return pd.DataFrame(stored_record(name)["rows"])


def duels(models, against, digits):
    """Return a row, a dict, for each model against one of them: fixed and broken digits, and the p of the sign test.

    models: {name: path or bytes of a .tflite}; against: one of the names; digits: {title: (images, labels)}.
    Raises CourseError for a name that is not among the models.
    """
    from tflite_course import evaluation

    if against not in models:
        raise CourseError(f"There is no model '{against}': choose from {', '.join(models)}.")
    rows = [{f"against {against}": name} for name in models if name != against]
    for title, (images, labels) in digits.items():
        answers = {name: evaluation.predict(model, images).argmax(1) for name, model in models.items()}
        for row in rows:
            split = evaluation.churn(answers[row[f"against {against}"]], answers[against], labels)
            row[f"{title}: fixed"], row[f"{title}: broken"] = split["fixed"], split["broken"]
            p = evaluation.sign_test(split["fixed"], split["broken"])
            row[f"{title}: p"] = f"{p:.1g}" if p >= 0.001 else "<0.001"
    return rows


def border_rows(frame, network, bits, titles=("MNIST", "pens")):
    """Return a row for each method of the experiment qat_border: accuracies, and digits against "norms" by seeds.

    frame: its rows as a DataFrame; network, bits: one case of it.
    Raises CourseError for a case that the experiment does not have.
    """
    case = frame[(frame["model"] == network) & (frame["bits"] == bits)]
    if case.empty:
        known = sorted({(row.model, int(row.bits)) for row in frame.itertuples()})
        raise CourseError(f"The experiment has no case {(network, bits)!r}: choose from {known}.")
    rows = []
    for method in dict.fromkeys(case["method"]):
        seeds = case[case["method"] == method]
        row = {"method": method}
        for title in titles:
            row[f"{title}, %"] = f"{100 * np.mean(seeds[title]):.2f}"
            fixed, broken = (seeds[f"{title} {key}"] for key in ("fixed", "broken"))
            pairs = [f"{a}/{b}" for a, b in zip(fixed, broken, strict=True)]
            row[f"{title}: fixed/broken by seed"] = ", ".join(pairs) if method != "norms" else ""
        rows.append(row)
    return rows


def models_of_record():
    """Return a row, a dict, for each model of record, smallest budget first, from the experiment records_of_size.

    "budget", "bytes", "operators", "macs", "network"; "target", "median" and "spread", (lowest, highest), of the five
    seeds on the MNIST test; "shipped" and "pens", of the file that was chosen by validation; "missing", what
    that file lacks of the target on the test, 0 when it is reached. All shares from 0 to 1.
    """
    record, found = stored_record("records_of_size"), []
    budgets = record["settings"]["budgets"]
    for budget in sorted({row["budget"] for row in record["rows"]}, key=int):
        seeds = [row for row in record["rows"] if row["budget"] == budget and row["stage"] == "seed"]
        chosen = next(row for row in seeds if row["record"])
        tests = [row["test"] for row in seeds]
        row = {"budget": int(budget)} | {key: chosen[key] for key in ("bytes", "operators", "macs", "network")}
        row |= {"target": budgets[budget]["target"], "median": float(np.median(tests))}
        row |= {"spread": (min(tests), max(tests)), "shipped": chosen["test"], "pens": chosen["pens"]}
        found.append(row | {"missing": max(0.0, row["target"] - row["shipped"])})
    return found


def read_file(name):
    """Return assets/experiments/NAME.tflite as bytes. Raises CourseError when there is none, or a damaged one."""
    return read_model(resource(f"assets/experiments/{name}.tflite"))


def keep_record(name, record):
    """Write a record, a dict of numbers, texts, lists and dicts, as work/NAME.json; return the path.

    Numbers of NumPy are written as floats.
    """
    path = Path("work", f"{name}.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=2, default=float), encoding="utf-8")
    return path
