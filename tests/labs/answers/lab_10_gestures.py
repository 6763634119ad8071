"""Right answers in different styles, and wrong ones with a part of the hint that must name the mistake (or None)."""

from collections import Counter, deque

import numpy as np

from tests.labs.answers import EqualsEverything
from tflite_course.labs.lab_10_gestures.stream import Stream


# --- cut_windows
def cut_view(samples, size, hop):
    if len(samples) < size:
        return np.zeros((0, size, samples.shape[1]), np.float32)
    return np.lib.stride_tricks.sliding_window_view(samples, size, axis=0)[::hop].swapaxes(1, 2)


def cut_index(samples, size, hop):
    count = max(0, (len(samples) - size) // hop + 1)
    return samples[np.arange(count)[:, None] * hop + np.arange(size)]


def cut_while(samples, size, hop):
    found, start = [], 0
    while start + size <= len(samples):
        found.append(samples[start : start + size].copy())
        start += hop
    return np.stack(found) if found else np.empty((0, size, samples.shape[1]), np.float32)


def cut_from(starts, empty=True):
    """Return an answer that cuts windows at these starts, whole or not."""

    def cut(samples, size, hop):
        parts = [samples[s : s + size] for s in starts(len(samples), size, hop)]
        return np.stack(parts) if parts or not empty else np.zeros((0, size, samples.shape[1]), np.float32)

    return cut


def cut_in_place(samples, size, hop):
    samples -= samples.mean(axis=0)
    return cut_view(samples, size, hop)


CUT_WRONG = {
    "count without the first": (
        cut_from(lambda n, size, hop: [i * hop for i in range((n - size) // hop)] or [0]),
        None,
    ),
    "list": (lambda x, size, hop: list(cut_view(x, size, hop)), None),
    "float64": (lambda x, size, hop: cut_view(x, size, hop).astype(np.float64), None),
    "changes its input": (cut_in_place, "changes the array"),
    "equals everything": (lambda x, size, hop: EqualsEverything(), None),
    "untouched": (lambda x, size, hop: None, "returns nothing yet"),
}


# --- split_by_person
def split_loop(persons, held_out):
    learned, unseen = [], []
    for i, person in enumerate(persons):
        (unseen if person in held_out else learned).append(i)
    return learned, unseen


def split_where(persons, held_out):
    everyone = np.arange(len(persons))
    unseen = np.concatenate([np.where(persons == person)[0] for person in held_out])
    return np.setdiff1d(everyone, unseen), unseen


def split_masks(persons, held_out):
    unseen = np.isin(persons, held_out)
    return [np.nonzero(~unseen)[0].astype(np.int32), np.nonzero(unseen)[0].astype(np.int32)]


def split_chance(persons, held_out):
    order = np.random.default_rng(0).permutation(len(persons))
    return np.split(order, [7 * len(order) // 10])


def split_first_part(persons, held_out):
    cut = 7 * len(persons) // 10 + 1
    return np.arange(cut), np.arange(cut, len(persons))


def split_by(choose):
    def split(persons, held_out):
        unseen = choose(persons, held_out)
        return np.flatnonzero(~unseen), np.flatnonzero(unseen)

    return split


def split_in_place(persons, held_out):
    learned, unseen = split_masks(persons, held_out)
    persons.sort()
    persons[:] = 0
    return learned, unseen


SPLIT_WRONG = {
    "masks": (lambda p, h: (~np.isin(p, h), np.isin(p, h)), "True and False"),
    "by chance": (split_chance, "is in both parts"),
    "first part": (split_first_part, None),
    "first person only": (split_by(lambda p, h: p == h[0]), "only"),
    "last person only": (split_by(lambda p, h: p == h[-1]), "only"),
    "always the same": (split_by(lambda p, h: np.isin(p, (1, 2, 3, 4))), "your second part has"),
    "some lost": (lambda p, h: [part[1:] for part in split_masks(p, h)], "in no part"),
    "some twice": (lambda p, h: [np.concatenate([part, part[:2]]) for part in split_masks(p, h)], "more than once"),
    "from one": (lambda p, h: [part + 1 for part in split_masks(p, h)], "positions go from 0"),
    "one array": (lambda p, h: np.flatnonzero(np.isin(p, h)), "two arrays"),
    "text": (lambda p, h: [part.astype(str) for part in split_masks(p, h)], "whole numbers"),
    "changes its input": (split_in_place, "changes the array"),
    "equals everything": (lambda p, h: (EqualsEverything(), EqualsEverything()), "positions"),
    "untouched": (lambda p, h: None, "returns nothing yet"),
}


# --- standardize
def standardize_flat(train, test):
    flat = train.reshape(-1, train.shape[-1]).astype(np.float64)
    mean, spread = flat.mean(0), flat.std(0, ddof=1)
    return [(train - mean) / spread, (test - mean) / spread]


def standardize_loop(train, test):
    train, test = train.copy(), test.copy()
    for axis in range(train.shape[-1]):
        mean, spread = np.mean(train[..., axis]), np.std(train[..., axis])
        train[..., axis] = (train[..., axis] - mean) / spread
        test[..., axis] = (test[..., axis] - mean) / spread
    return train, test


def standardize_steps(train, test):
    axes = tuple(i for i in range(train.ndim) if i != train.ndim - 1)
    mean = np.mean(train, axes, keepdims=True)
    spread = np.sqrt(np.mean((train - mean) ** 2, axes, keepdims=True))
    return tuple(np.divide(part - mean, spread) for part in (train, test))


def rows(x):
    return x.reshape(-1, x.shape[-1])


def standardize_in_place(train, test):
    mean, spread = rows(train).mean(0), rows(train).std(0)
    train -= mean
    return train / spread, (test - mean) / spread


def standardize_overwritten(train, test):
    """The test gets the statistics of a training part that is standardized already: nothing happens to it."""
    train = (train - rows(train).mean(0)) / rows(train).std(0)
    return train, (test - rows(train).mean(0)) / rows(train).std(0)


STANDARDIZE_WRONG = {
    "train standardized first": (standardize_overwritten, None),
    "train alone": (lambda train, test: standardize_flat(train, test)[0], None),
    "changes its input": (standardize_in_place, "changes the array"),
    "equals everything": (lambda train, test: (EqualsEverything(), EqualsEverything()), None),
    "untouched": (lambda train, test: None, "returns nothing yet"),
}


# --- recall
def recall_bincount(truth, answers, classes):
    confusion = np.bincount(truth * classes + answers, minlength=classes**2).reshape(classes, classes)
    return confusion, np.diag(confusion) / confusion.sum(1)


def recall_loop(truth, answers, classes):
    confusion = np.zeros((classes, classes))
    for t, a in zip(truth, answers, strict=True):
        confusion[t, a] += 1
    return confusion, [confusion[k, k] / confusion[k].sum() for k in range(classes)]


def recall_counter(truth, answers, classes):
    pairs = Counter(zip(truth.tolist(), answers.tolist(), strict=True))
    matrix = np.array([[pairs[t, a] for a in range(classes)] for t in range(classes)], np.int32)
    return [matrix, np.array([np.mean(answers[truth == k] == k) for k in range(classes)])]


def recall_with(matrix=lambda c: c, share=lambda c: c.diagonal() / c.sum(axis=1)):
    def recall(truth, answers, classes):
        confusion, _ = recall_bincount(truth, answers, classes)
        return matrix(confusion), share(confusion)

    return recall


def recall_in_place(truth, answers, classes):
    found = recall_bincount(truth, answers, classes)
    truth *= classes
    return found


RECALL_WRONG = {
    "matrix of shares": (recall_with(matrix=lambda c: c / c.sum(axis=1, keepdims=True)), None),
    "recall alone": (lambda t, a, c: recall_bincount(t, a, c)[1], None),
    "changes its input": (recall_in_place, "changes the array"),
    "equals everything": (lambda t, a, c: (EqualsEverything(), EqualsEverything()), None),
    "untouched": (lambda t, a, c: None, "returns nothing yet"),
}


# --- count_steps
def steps_loop(samples, scale, zero_point):
    found = []
    for column in samples.T:
        values = {min(127, max(-128, int(np.rint(v / np.float32(scale))) + zero_point)) for v in column}
        found.append(len(values))
    return found


def steps_sorted(samples, scale, zero_point):
    q = np.sort((np.round(samples / scale) + zero_point).clip(-128, 127).astype(np.int8).astype(int), axis=0)
    return (np.diff(q, axis=0) != 0).sum(axis=0) + 1


def steps_array(samples, scale, zero_point):
    q = np.minimum(127, np.maximum(-128, np.around(samples / scale) + zero_point))
    return np.array([np.unique(q[:, i]).size for i in range(6)])


def steps_in_place(samples, scale, zero_point):
    samples /= np.float32(scale)
    return steps_array(samples, 1.0, zero_point)


STEPS_WRONG = {
    "changes its input": (steps_in_place, "changes the array"),
    "equals everything": (lambda x, s, z: EqualsEverything(), None),
    "untouched": (lambda x, s, z: None, "returns nothing yet"),
}


# --- stream
class StreamDeque:
    def __init__(self, size, hop, patience, say):
        self.samples, self.size, self.hop, self.patience, self.say = deque(maxlen=size), size, hop, patience, say
        self.missing, self.last = size, None

    def push(self, times, samples):
        windows = []
        for i in range(len(times)):
            pause = 0 if self.last is None else times[i] - self.last
            if pause > self.patience:
                self.say(f"The sensor was silent for {pause:.1f} seconds, a new window begins.")
                self.samples.clear()
                self.missing = self.size
            self.last = times[i]
            self.samples.append(samples[i])
            self.missing -= 1
            if not self.missing:
                windows.append(np.array(self.samples))
                self.missing = self.hop
        return windows


class StreamRing:
    def __init__(self, size, hop, patience, say):
        self.size, self.hop, self.patience, self.say = size, hop, patience, say
        self.memory, self.count, self.last = None, 0, None

    def push(self, times, samples):
        if self.memory is None:
            self.memory = np.zeros((self.size, samples.shape[1]), np.float32)
        out = []
        for t, s in zip(times, samples, strict=True):
            if self.last is not None and t - self.last > self.patience:
                self.say("Gap of " + str(round(float(t - self.last), 1)) + " s.")
                self.count = 0
            self.last = t
            self.memory[self.count % self.size] = s
            self.count += 1
            if self.count >= self.size and (self.count - self.size) % self.hop == 0:
                out.append(np.roll(self.memory, -(self.count % self.size), axis=0))
        return tuple(out)


class StreamBlocks:
    """Joins chunks, splits them at gaps, and cuts what is complete."""

    def __init__(self, size, hop, patience, say):
        self.size, self.hop, self.patience, self.say = size, hop, patience, say
        self.kept, self.last = None, None

    def push(self, times, samples):
        if self.kept is None:
            self.kept = np.zeros((0, samples.shape[1]), np.float32)
        if not len(times):
            return []
        before = np.concatenate([[times[0] if self.last is None else self.last], times[:-1]])
        found, start = [], 0
        for end in [*np.flatnonzero(times - before > self.patience), len(times)]:
            self.kept = np.concatenate([self.kept, samples[start:end]])
            windows = cut_view(self.kept, self.size, self.hop)
            found += [window.copy() for window in windows]
            self.kept = self.kept[len(windows) * self.hop :]
            if end < len(times):
                self.say(f"No sample for {(times - before)[end]:.1f} s.")
                self.kept = self.kept[:0]
            start = end
        self.last = times[-1]
        return found


class RingView(StreamRing):
    def push(self, times, samples):
        return [self.memory for _ in super().push(times, samples)]


class TellsLate(Stream):
    def gap(self, number, time):
        return self.last is not None and time - self.last > 0.1


class NoLength(Stream):
    def tell(self, gap):
        self.say("The sensor was silent.")


class Milliseconds(Stream):
    def tell(self, gap):
        self.say(f"No sample for {1000 * gap:.0f} ms.")


class NoStop(Stream):
    def tell(self, gap):
        self.say(f"gap {gap:.1f}")


class TellsANumber(Stream):
    def tell(self, gap):
        self.say(round(float(gap), 1))


class Returns:
    def __init__(self, value):
        self.value = value

    def __call__(self, size, hop, patience, say):
        return self

    def push(self, times, samples):
        return self.value


class ChangesChunk(Stream):
    def push(self, times, samples):
        samples /= 4
        return super().push(times, samples)


STREAM_WRONG = {
    "view of the memory": (RingView, "view of memory"),
    "impatient": (TellsLate, None),
    "no length": (NoLength, "how long the gap was"),
    "milliseconds": (Milliseconds, "how long the gap was"),
    "no full stop": (NoStop, "full stop"),
    "a number is said": (TellsANumber, "takes a sentence"),
    "changes its input": (ChangesChunk, "changes the array"),
    "nothing": (Returns([]), None),
    "equals everything": (Returns(EqualsEverything()), "a list of windows"),
    "window equals everything": (Returns([EqualsEverything()]), "a window is an array"),
    "no class": (lambda size, hop, patience, say: 3, "push(times, samples)"),
    "untouched": (Returns(None), "returns nothing yet"),
}


# --- decide
def decide_window(shares, k, on, off):
    last, now, said = deque(maxlen=k), -1, []
    for row, share in enumerate(shares):
        last.append(share)
        mean = sum(last) / len(last)
        before = now
        if max(mean) >= on:
            now = int(np.argmax(mean))
        elif now != -1 and mean[now] < off:
            now = -1
        if now != before:
            said.append([row, now])
    return said


def decide_sums(shares, k, on, off):
    total = np.vstack([np.zeros(7), np.cumsum(shares, axis=0)])
    ends = np.arange(1, len(shares) + 1)
    starts = np.maximum(0, ends - k)
    means = ((total[ends] - total[starts]) / (ends - starts)[:, None]).round(12)
    states = [-1]
    for mean in means:
        if mean.max() >= on:
            states.append(mean.argmax())
        else:
            states.append(states[-1] if states[-1] >= 0 and mean[states[-1]] >= off else -1)
    return [(i - 1, states[i]) for i in range(1, len(states)) if states[i] != states[i - 1]]


def decide_class(shares, k, on, off):
    answer = None
    messages = []
    for row in range(len(shares)):
        mean = np.mean(shares[row - k + 1 if row >= k else 0 : row + 1], axis=0)
        sure = [c for c in range(7) if mean[c] >= on]
        new = sure[0] if sure else answer if answer is not None and not mean[answer] < off else None
        if new != answer:
            messages.append((row, -1 if new is None else new))
        answer = new
    return messages


def decide_argmax(shares, k, on, off):
    best, now, said = shares.argmax(axis=1), -1, []
    for row, answer in enumerate(best):
        if answer != now:
            said.append((row, int(answer)))
        now = answer
    return said


def decide_forgets(shares, k, on, off):
    """Wrong in one thing: a class that went off comes on again only when another one was on."""
    said = [event for event in decide_window(shares, k, on, off)]
    return [event for i, event in enumerate(said) if event[1] < 0 or event[1] not in [e[1] for e in said[:i]]]


def decide_in_place(shares, k, on, off):
    shares[shares < off] = 0
    return decide_window(shares, k, on, off)


DECIDE_WRONG = {
    "argmax": (decide_argmax, None),
    "once for each class": (decide_forgets, None),
    "changes its input": (decide_in_place, "changes the array"),
    "equals everything": (lambda s, k, on, off: EqualsEverything(), None),
    "untouched": (lambda s, k, on, off: None, "returns nothing yet"),
}

# exercise: ({style: answer}, {mistake: (answer, part of the hint or None)})
ANSWERS = {
    "cut_windows": ({"view": cut_view, "index": cut_index, "while": cut_while}, CUT_WRONG),
    "split_by_person": ({"loop": split_loop, "where": split_where, "masks": split_masks}, SPLIT_WRONG),
    "standardize": (
        {"flat": standardize_flat, "loop": standardize_loop, "steps": standardize_steps},
        STANDARDIZE_WRONG,
    ),
    "recall": ({"bincount": recall_bincount, "loop": recall_loop, "Counter": recall_counter}, RECALL_WRONG),
    "count_steps": ({"loop": steps_loop, "sorted": steps_sorted, "array": steps_array}, STEPS_WRONG),
    "stream": ({"deque": StreamDeque, "ring": StreamRing, "blocks": StreamBlocks}, STREAM_WRONG),
    "decide": ({"deque": decide_window, "sums": decide_sums, "None": decide_class}, DECIDE_WRONG),
}
