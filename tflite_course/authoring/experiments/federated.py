"""Federated averaging on three splits, with its control, with int8 updates, absent clients and more local passes.

    python -m tflite_course.authoring federated

Plain NumPy with three seeds takes about one minute. Then the same with Flower, in an environment that the script makes
in .venv-flower (targets/federated/environment.py); that takes some minutes more. Writes federated.json: a row has a
"kind", a "seed" and "accuracy", the share of right test images after each round; rows of Flower name its environment.
In rows of the kind "alone, SPLIT" the accuracies are those of the clients, one each, after as many passes on their own.
"""

import json
import time

from tflite_course.authoring.experiments import record
from tflite_course.targets.federated import environment, fedavg

SEEDS = (1, 2, 3)
VARIANTS = {
    "dirichlet, int8 updates": {"int8": True},
    "dirichlet, 30 % absent": {"absent": 0.3},
    "dirichlet, 5 passes": {"epochs": 5},
}
ABSENT = 9  # the client that fails in every second round of one run of Flower


def plain_rows():
    rows = []
    for seed in SEEDS:
        runs = {"control": fedavg.run_central(seed=seed)}
        runs |= {kind: fedavg.run(kind, seed=seed) for kind in fedavg.KINDS}
        runs |= {name: fedavg.run("dirichlet", seed=seed, **options) for name, options in VARIANTS.items()}
        runs |= {f"alone, {kind}": fedavg.run_alone(kind, seed=seed) for kind in fedavg.KINDS}
        rows += [{"kind": kind, "seed": seed, "accuracy": values} for kind, values in runs.items()]
    return rows


def flower_rows():
    rows = []
    for kind, options in {"Flower, dirichlet": (), "Flower, client 9 fails": ("--absent", ABSENT)}.items():
        start = time.perf_counter()
        answer = json.loads(environment.run("flower_app.py", "dirichlet", *options).splitlines()[-1])
        rows.append({"kind": kind, "seed": 1, **answer, "seconds": round(time.perf_counter() - start)})
    return rows


def main():
    start = time.perf_counter()
    environment.make()
    rows = [*plain_rows(), *flower_rows()]
    for row in rows:
        row["accuracy"] = [round(value, 4) for value in row["accuracy"]]
        print(row["kind"], row["seed"], row["accuracy"][-1], flush=True)
    names = ("CLIENTS", "IMAGES", "ROUNDS", "HIDDEN", "BATCH", "LEARNING_RATE")
    settings = {name.lower(): getattr(fedavg, name) for name in names}
    record.store("federated", rows, time.perf_counter() - start, **settings, seeds=SEEDS)


if __name__ == "__main__":
    main()
