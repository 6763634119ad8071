"""Train the network watch again and again: on other splits, without parts of the recipe, and without one person each.

    python -m tflite_course.authoring watch
    python -m tflite_course.authoring watch --keep rows.jsonl    # go on where a run with the same file was interrupted

Uses train_watch.py; about five minutes on two cores. Writes watch.json with four kinds of rows:
"split": ways to hold windows out that leak, with the recipe "and mirror"; "recipe": parts of the recipe added one by
one, measured on the three test persons; "person": each of the ten persons left out, with the whole recipe; "unknown":
one exercise is left out of the training, and its windows are shown to the network.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from tflite_course.authoring.experiments import record
from tflite_course.authoring.models import train_watch
from tflite_course.datasets import WATCH_EXERCISES, load_watch
from tflite_course.pad import softmax
from tflite_course.sensors import HOP, WINDOW, cut_windows
from tflite_course.setup import prepare

SEEDS, SHORT, UNKNOWN, THRESHOLD, SHARE = (1, 2), 64, 5, 0.6, 0.7
RECIPES = {
    "short windows": {"window": SHORT, "mirror": False, "variations": False},
    "long windows": {"window": WINDOW, "mirror": False, "variations": False},
    "and mirror": {"window": WINDOW, "mirror": True, "variations": False},
    "and variations": {"window": WINDOW, "mirror": True, "variations": True},
}


def plan():
    """Return the rows without their results."""
    rows = [{"kind": "unknown", "name": WATCH_EXERCISES[UNKNOWN], "threshold": THRESHOLD}]
    rows += [{"kind": "split", "name": name, "seed": seed} for name in ("by window", "by time") for seed in SEEDS]
    rows += [{"kind": "recipe", "name": name, "seed": seed} for name in RECIPES for seed in SEEDS]
    return rows + [{"kind": "person", "name": "and variations", "person": person} for person in range(1, 11)]


def probabilities(model, recordings, window=WINDOW, mirror=True):
    """Return (probabilities, float32 (n, 7), exercises, int64 (n,)) of all windows of the recordings."""
    windows, exercises, _ = cut_windows(recordings, window, mirror=mirror)
    logits = model.predict(windows, batch_size=500, verbose=0)
    return softmax(logits), exercises


def measure(recipe, learned, unseen, seed=1):
    """Return {"accuracy", "recordings"}: shares of windows and, by their mean, of whole recordings named rightly."""
    model = train_watch.train(learned, seed=seed, **recipe)
    shares, exercises = probabilities(model, unseen, recipe["window"], recipe["mirror"])
    counts = [(len(r.samples) - recipe["window"]) // HOP + 1 for r in unseen]
    whole = [part.mean(axis=0).argmax() for part in np.split(shares, np.cumsum(counts)[:-1])]
    windows_right = np.mean(shares.argmax(axis=1) == exercises)
    recordings_right = np.mean(whole == np.array([r.exercise for r in unseen]))
    return {"accuracy": round(float(windows_right), 4), "recordings": round(float(recordings_right), 4)}


def by_time(recordings):
    """Return the first part of each recording and its rest."""
    cuts = [int(SHARE * len(r.samples)) for r in recordings]
    first = [r._replace(samples=r.samples[:cut]) for r, cut in zip(recordings, cuts, strict=True)]
    return first, [r._replace(samples=r.samples[cut:]) for r, cut in zip(recordings, cuts, strict=True)]


def by_window(recordings, seed):
    """Return all windows, each as a recording of its own, dealt out at random."""
    starts = [(r, start) for r in recordings for start in range(0, len(r.samples) - WINDOW + 1, HOP)]
    order = np.random.default_rng(seed).permutation(len(starts))
    dealt = [starts[i][0]._replace(samples=starts[i][0].samples[starts[i][1] :][:WINDOW]) for i in order]
    return dealt[: int(SHARE * len(dealt))], dealt[int(SHARE * len(dealt)) :]


def run(row, recordings):
    """Return the results of a row of the plan."""
    if row["kind"] == "unknown":
        learned, unseen = train_watch.split_by_person(recordings)
        model = train_watch.train([r for r in learned if r.exercise != UNKNOWN])
        shares, _ = probabilities(model, [r for r in unseen if r.exercise == UNKNOWN])
        return {"above": round(float(np.mean(shares.max(axis=1) >= THRESHOLD)), 4)}
    if row["kind"] == "split":
        parts = by_time(recordings) if row["name"] == "by time" else by_window(recordings, row["seed"])
        return measure(RECIPES["and mirror"], *parts, row["seed"])
    if row["kind"] == "recipe":
        return measure(RECIPES[row["name"]], *train_watch.split_by_person(recordings), row["seed"])
    return measure(RECIPES[row["name"]], *train_watch.split_by_person(recordings, [row["person"]]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--keep", type=Path, help="a file that rows are added to, and taken from")
    keep = parser.parse_args().keep
    prepare(seed=1)
    recordings, rows, seconds = load_watch(), [], 0.0
    known = [json.loads(line) for line in keep.read_text().splitlines()] if keep and keep.exists() else []
    for row in plan():
        found = next((old for old in known if row.items() <= old["row"].items()), None)
        if found is None:
            start = time.perf_counter()
            found = {"row": row | run(row, recordings), "seconds": time.perf_counter() - start}
            if keep:
                with keep.open("a") as file:
                    print(json.dumps(found), file=file)
        rows.append(found["row"])
        seconds += found["seconds"]
        print(found["row"], flush=True)
    settings = {"epochs": train_watch.EPOCHS, "batch": train_watch.BATCH, "learning_rate": train_watch.LEARNING_RATE}
    sys.argv[1:] = []  # --keep changes no result
    record.store("watch", rows, seconds, **settings, seeds=SEEDS)


if __name__ == "__main__":
    main()
