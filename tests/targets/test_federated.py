"""Federated averaging: splits, useless replies, averaging, the stored experiment, and Flower where it is."""

import json

import numpy as np
import pytest

from tests import ROOT
from tflite_course.errors import CourseError
from tflite_course.targets.federated import environment, fedavg

RECORD = json.loads((ROOT / "assets" / "experiments" / "federated.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def weights():
    return fedavg.start_weights()


def stored(kind, seed=1):
    return next(row["accuracy"] for row in RECORD["rows"] if (row["kind"], row["seed"]) == (kind, seed))


@pytest.mark.parametrize("kind", fedavg.KINDS)
def test_a_split_deals_every_image_once(kind):
    labels = np.random.default_rng(0).integers(0, 10, 3000)
    parts = fedavg.split(labels, kind, seed=4)
    assert len(parts) == fedavg.CLIENTS
    assert sorted(np.concatenate(parts)) == list(range(3000))
    digits = [len(np.unique(labels[part])) for part in parts]
    assert {"identical": min(digits) == 10, "two digits": set(digits) == {2}, "dirichlet": min(digits) < 10}[kind]


def test_an_unknown_split_is_named():
    with pytest.raises(CourseError, match="There is no split 'by person': choose from identical, dirichlet"):
        fedavg.split(np.zeros(10, int), "by person")


def test_a_step_follows_the_gradient(weights):
    rng = np.random.default_rng(3)
    images, labels = rng.random((5, 784), dtype=np.float32), rng.integers(0, 10, 5)

    def loss(parts):
        w1, b1, w2, b2 = (part.astype(np.float64) for part in parts)
        logits = np.maximum(images @ w1 + b1, 0) @ w2 + b2
        return np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(5), labels])

    after = [weight.copy() for weight in weights]
    fedavg.step(after, images, labels)
    for k, place in ((0, (300, 4)), (1, (4,)), (2, (4, 7)), (3, (2,))):
        up, down = ([weight.astype(np.float64) for weight in weights] for _ in range(2))
        up[k][place] += 1e-5
        down[k][place] -= 1e-5
        slope = (loss(up) - loss(down)) / 2e-5
        assert after[k][place] - weights[k][place] == pytest.approx(-fedavg.LEARNING_RATE * slope, rel=2e-3, abs=1e-6)


def test_training_leaves_the_server_s_weights_alone(weights):
    before = [weight.copy() for weight in weights]
    count, after = fedavg.train(weights, np.ones((30, 784), np.float32), np.zeros(30, int), seed=1)
    assert count == 30 and all(np.array_equal(a, b) for a, b in zip(before, weights, strict=True))
    assert all(weight.dtype == np.float32 for weight in after) and not np.array_equal(after[3], weights[3])


def test_the_average_is_weighted_by_images():
    ones, fives = [np.full((2, 3), 1, np.float32)], [np.full((2, 3), 5, np.float32)]
    assert np.array_equal(fedavg.average([(100, ones), (300, fives)])[0], np.full((2, 3), 4))
    assert fedavg.average([(100, ones), (300, fives)])[0].dtype == np.float32


def bad_replies(weights):
    nan = [weight.copy() for weight in weights]
    nan[2][3, 3] = np.nan
    return {
        "nothing": (None, "it returned nothing: the round goes on without it."),
        "no images": ((0, weights), "it trained on 0 images: its weights say nothing and are left out."),
        "an array too few": ((10, weights[:3]), "its weights have other shapes than the server's"),
        "another network": ((10, [weights[0].T, *weights[1:]]), "its weights have other shapes than the server's"),
        "not a number": ((10, nan), "its weights are not all numbers"),
    }


@pytest.mark.parametrize("name", ["nothing", "no images", "an array too few", "another network", "not a number"])
def test_a_bad_reply_gets_a_sentence_and_the_round_goes_on(name, weights):
    reply, sentence = bad_replies(weights)[name]
    good, said = [weight + 1 for weight in weights], []
    after = fedavg.collect({0: (10, good), 1: reply, 2: (30, good)}, weights, said.append)
    assert len(said) == 1 and said[0].startswith(f"Client 1: {sentence}") and said[0].endswith(".")
    assert all(np.allclose(value, wanted) for value, wanted in zip(after, good, strict=True))


def test_a_round_without_any_answer_changes_nothing(weights):
    said = []
    assert fedavg.collect({0: None, 1: None}, weights, said.append) is weights
    assert said[-1] == "Nobody answered in this round: the weights stay as they are." and len(said) == 3


def test_int8_updates_lose_at_most_half_a_step(weights):
    new = [weight + np.random.default_rng(1).normal(0, 0.01, weight.shape).astype(np.float32) for weight in weights]
    for after, before, seen in zip(new, weights, fedavg.through_int8(new, weights), strict=True):
        largest = np.abs(after - before).max()
        assert np.abs(seen - after).max() <= largest / 127 / 2 + 1e-6 and not np.array_equal(seen, after)
    assert all(np.array_equal(a, b) for a, b in zip(fedavg.through_int8(weights, weights), weights, strict=True))


def test_the_stored_experiment_comes_out_again():
    assert fedavg.run("dirichlet", rounds=3) == pytest.approx(stored("dirichlet")[:3], abs=0.03)
    assert fedavg.run_central(rounds=2) == pytest.approx(stored("control")[:2], abs=0.03)


def test_the_stored_experiment_holds_what_the_lesson_says():
    for seed in (1, 2, 3):
        last = [stored(kind, seed)[-1] for kind in ("control", "identical", "dirichlet", "two digits")]
        assert last == sorted(last, reverse=True)
        assert abs(stored("dirichlet, int8 updates", seed)[-1] - last[2]) < 0.005
        late = [np.mean(stored(kind, seed)[10:]) for kind in ("dirichlet", "dirichlet, 30 % absent")]
        assert abs(late[0] - late[1]) < 0.02


def test_alone_and_together_are_compared_on_the_same_split():
    for kind in fedavg.KINDS:
        for seed in (1, 2, 3):
            alone = stored(f"alone, {kind}", seed)
            assert len(alone) == fedavg.CLIENTS and max(alone) < stored(kind, seed)[-1]
            if kind == "two digits":
                assert max(alone) < 0.25
    assert fedavg.run_alone("two digits", rounds=1) == pytest.approx(stored("alone, two digits"), abs=0.05)


def test_only_the_two_digits_are_below_in_every_round():
    """The last question of the quiz."""
    for seed in (1, 2, 3):
        plain = np.array(stored("dirichlet", seed))
        assert np.all(np.array(stored("two digits", seed)) < np.array(stored("identical", seed)))
        assert np.all(np.array(stored("two digits", seed)) < plain)
        assert np.any(np.array(stored("dirichlet, int8 updates", seed)) >= plain)
        assert np.any(np.array(stored("dirichlet, 30 % absent", seed)) > plain)


def test_flower_found_what_plain_numpy_found():
    assert stored("Flower, dirichlet") == pytest.approx(stored("dirichlet"), abs=0.002)
    assert len(stored("Flower, client 9 fails")) == RECORD["settings"]["rounds"]


def test_flower_runs_here():
    if not environment.is_ready():
        pytest.skip(
            "Flower (package flwr) has no environment: python -m tflite_course.targets.federated.environment makes it."
        )
    answer = json.loads(environment.run("flower_app.py", "dirichlet", "--rounds", 2, "--absent", 9).splitlines()[-1])
    whole = stored("dirichlet")[:2]
    assert answer["accuracy"][0] == pytest.approx(whole[0], abs=0.01)
    assert len(answer["accuracy"]) == 2 and answer["accuracy"][1] > answer["accuracy"][0]
