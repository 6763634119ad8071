"""Federated averaging of a small network for digits in plain NumPy: the split of the images, clients and server.

Lesson 15 builds the same step by step; the experiment and flower_app.py use this file.
Weights are a list of four float32 arrays: (784, 32), (32,), (32, 10), (10,).
Source: H. B. McMahan and others, "Communication-efficient learning of deep networks from decentralized data" (2017).
"""

import functools

import numpy as np

from tflite_course.datasets import load_mnist
from tflite_course.errors import CourseError

CLIENTS, IMAGES, ROUNDS = 10, 6000, 20
HIDDEN, BATCH, LEARNING_RATE = 32, 20, 0.1
KINDS = ("identical", "dirichlet", "two digits")


def split(labels, kind, seed=1):
    """Return the numbers of the images of each client, a list of int64 arrays.

    labels: int (n,). kind: "identical" deals the images out at random; "dirichlet" draws for each digit which share
    of it each client has (concentration 0.3); "two digits" gives each client two digits.
    Raises CourseError for another kind.
    """
    rng = np.random.default_rng(seed)
    if kind == "identical":
        return np.array_split(rng.permutation(len(labels)), CLIENTS)
    by_digit = [rng.permutation(np.flatnonzero(labels == digit)) for digit in range(10)]
    if kind == "two digits":
        halves = [np.array_split(images, 2) for images in by_digit]
        return [np.concatenate([halves[k][0], halves[(k + 1) % 10][1]]) for k in range(CLIENTS)]
    if kind != "dirichlet":
        raise CourseError(f"There is no split '{kind}': choose from {', '.join(KINDS)}.")
    parts = [[] for _ in range(CLIENTS)]
    for images in by_digit:
        shares = rng.dirichlet([0.3] * CLIENTS)
        cuts = np.round(np.cumsum(shares)[:-1] * len(images)).astype(int)
        for part, piece in zip(parts, np.split(images, cuts), strict=True):
            part.append(piece)
    return [np.concatenate(part) for part in parts]


@functools.cache
def load_flat():
    """Return ((images, labels), (test images, test labels)); images: float32 (n, 784) from 0 to 1."""
    return tuple(
        (images[:count].reshape(-1, 784) / np.float32(255), labels[:count])
        for (images, labels), count in zip(load_mnist(raw=True), (IMAGES, None), strict=True)
    )


def load_clients(kind, seed=1):
    """Return [(images, labels), ...], one pair for each client."""
    (images, labels), _ = load_flat()
    return [(images[numbers], labels[numbers]) for numbers in split(labels, kind, seed)]


def start_weights(seed=1):
    """Return random weights, large enough for ReLU (He and others, 2015)."""
    rng, sizes = np.random.default_rng(seed), (784, HIDDEN, 10)
    layers = zip(sizes[:-1], sizes[1:], strict=True)
    parts = [(rng.normal(0, np.sqrt(2 / rows), (rows, columns)), np.zeros(columns)) for rows, columns in layers]
    return [array.astype(np.float32) for part in parts for array in part]


def step(weights, images, labels):
    """Change weights in place by one step of gradient descent on a batch."""
    w1, b1, w2, b2 = weights
    hidden = np.maximum(images @ w1 + b1, 0)
    logits = hidden @ w2 + b2
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    error = powers / powers.sum(axis=1, keepdims=True)
    error[np.arange(len(labels)), labels] -= 1
    error *= np.float32(LEARNING_RATE / len(labels))
    back = error @ w2.T * (hidden > 0)
    for weight, change in zip(weights, (images.T @ back, back.sum(0), hidden.T @ error, error.sum(0)), strict=True):
        weight -= change


def train(weights, images, labels, *, seed, epochs=1):
    """Return (number of images, new weights): what a client answers to the weights of the server."""
    rng, weights = np.random.default_rng(seed), [weight.copy() for weight in weights]
    for _ in range(epochs):
        order = rng.permutation(len(images))
        for first in range(0, len(images), BATCH):
            batch = order[first : first + BATCH]
            step(weights, images[batch], labels[batch])
    return len(images), weights


def accuracy(weights, images, labels):
    """Return the share of images, 0 to 1, that the network names as their labels do."""
    w1, b1, w2, b2 = weights
    return float(np.mean((np.maximum(images @ w1 + b1, 0) @ w2 + b2).argmax(axis=1) == labels))


def check_reply(reply, weights):
    """Return (number of images, weights) of a client after checking them against the weights of the server.

    Raises CourseError for a client that returned nothing, no images, other shapes or values that are not numbers.
    """
    if reply is None:
        raise CourseError("it returned nothing: the round goes on without it.")
    count, values = reply
    if count <= 0:
        raise CourseError(f"it trained on {count} images: its weights say nothing and are left out.")
    if [np.shape(value) for value in values] != [weight.shape for weight in weights]:
        raise CourseError("its weights have other shapes than the server's: it trains another network, update it.")
    if not all(np.isfinite(value).all() for value in values):
        raise CourseError("its weights are not all numbers: they are left out, lower its learning rate.")
    return count, values


def average(replies):
    """Return the mean of the weights in [(number of images, weights), ...], weighted with the numbers of images."""
    total = sum(count for count, _ in replies)
    return [sum(np.float32(count / total) * values[k] for count, values in replies) for k in range(len(replies[0][1]))]


def collect(replies, weights, say=print):
    """Return the new weights of the server from the replies of a round, {client: reply}.

    A bad reply gets a sentence and is left out; a round in which nobody answers changes nothing.
    """
    good = []
    for client, reply in replies.items():
        try:
            good.append(check_reply(reply, weights))
        except CourseError as error:
            say(f"Client {client}: {error}")
    if not good:
        say("Nobody answered in this round: the weights stay as they are.")
        return weights
    return average(good)


def through_int8(new, old):
    """Return new as the server gets it when its difference to old travels as int8, one scale for each array."""
    seen = []
    for after, before in zip(new, old, strict=True):
        scale = np.float32(max(np.abs(after - before).max() / 127, 1e-12))
        seen.append(before + scale * np.clip(np.round((after - before) / scale), -127, 127))
    return seen


def run(kind, *, seed=1, rounds=ROUNDS, epochs=1, int8=False, absent=0.0):
    """Return the accuracy on the test images after each round, a list of floats.

    int8: updates travel as int8. absent: the probability that a client returns nothing in a round.
    """
    weights, clients, (_, test_set) = start_weights(seed), load_clients(kind, seed), load_flat()
    accuracies, rng = [], np.random.default_rng(seed)
    for number in range(rounds):
        replies = {}
        for client, data in enumerate(clients):
            count, values = train(weights, *data, seed=[seed, number, client], epochs=epochs)
            values = through_int8(values, weights) if int8 else values
            replies[client] = None if rng.random() < absent else (count, values)
        weights = collect(replies, weights, say=lambda _: None)
        accuracies.append(accuracy(weights, *test_set))
    return accuracies


def run_central(*, seed=1, rounds=ROUNDS):
    """Return the accuracy after each pass when all images are in one place: the control."""
    weights, (train_set, test_set), accuracies = start_weights(seed), load_flat(), []
    for number in range(rounds):
        _, weights = train(weights, *train_set, seed=[seed, number])
        accuracies.append(accuracy(weights, *test_set))
    return accuracies


def run_alone(kind, *, seed=1, rounds=ROUNDS):
    """Return the accuracy of each client after as many passes over its own images and no exchange: CLIENTS floats."""
    accuracies, (_, test_set) = [], load_flat()
    for client, data in enumerate(load_clients(kind, seed)):
        weights = start_weights(seed)
        for number in range(rounds):
            _, weights = train(weights, *data, seed=[seed, number, client])
        accuracies.append(accuracy(weights, *test_set))
    return accuracies
