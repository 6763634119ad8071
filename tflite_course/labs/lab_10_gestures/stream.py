"""Lab 10, stream: windows of a stream in chunks of any size, and gaps."""

import re

import numpy as np

from tflite_course.labs import exercise
from tflite_course.labs.exercise import Exercise, KnownMistake, Mistake, describe, same
from tflite_course.labs.lab_10_gestures.common import require_unchanged, walk

PATIENCE = 0.5  # seconds without a sample


class Stream:
    """The stream of the lab; the subclasses below have one mistake each."""

    clears = says = between = inside = True

    def __init__(self, size, hop, patience, say):
        self.size, self.hop, self.patience, self.say = size, hop, patience, say
        self.kept, self.last = [], None

    def gap(self, number, time):
        """Return whether there is a gap before the sample of this number in a chunk."""
        noticed = self.inside if number else self.between
        return noticed and self.last is not None and time - self.last > self.patience

    def add(self, sample):
        """Return a list of the windows that this sample completes."""
        self.kept.append(sample)
        if len(self.kept) < self.size:
            return []
        full, self.kept = np.stack(self.kept), self.kept[self.hop :]
        return [full]

    def clear(self):
        self.kept = []

    def tell(self, seconds):
        self.say(f"No sample for {seconds:.1f} s.")

    def push(self, times, samples):
        found = []
        for number, (time, sample) in enumerate(zip(times, samples, strict=True)):
            if self.gap(number, time):
                if self.says:
                    self.tell(time - self.last)
                if self.clears:
                    self.clear()
            self.last = time
            found += self.add(sample)
        return found


class NeverLooks(Stream):
    between = inside = False


class SaysOnly(Stream):
    clears = False


class Silent(Stream):
    says = False


class InsideOnly(Stream):
    between = False


class BetweenOnly(Stream):
    inside = False


class EachChunkAlone(Stream):
    def push(self, times, samples):
        self.kept = []
        return super().push(times, samples)


class NewestOnly(Stream):
    def push(self, times, samples):
        return super().push(times, samples)[-1:]


class OneForEachPush(Stream):
    """Looks once at the end of a push: the last `size` samples."""

    def add(self, sample):
        self.kept = [*self.kept, sample][-self.size :]
        return []

    def push(self, times, samples):
        super().push(times, samples)
        return [np.stack(self.kept)] if len(self.kept) == self.size and len(samples) else []


class NoOverlap(Stream):
    def add(self, sample):
        found = super().add(sample)
        self.kept = [] if found else self.kept
        return found


class EverySample(Stream):
    def add(self, sample):
        found = super().add(sample)
        if found:
            self.kept = list(found[0][1:])
        return found


class Counting(Stream):
    """Counts the samples since the beginning or the last gap."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.count = 0

    def clear(self):
        self.kept, self.count = [], 0


class CountedByHop(Counting):
    """The rule `count % hop == 0`, which is right only when the size is a multiple of the hop."""

    def add(self, sample):
        self.kept = [*self.kept, sample][-self.size :]
        self.count += 1
        return [np.stack(self.kept)] if len(self.kept) == self.size and self.count % self.hop == 0 else []


class HopGoesOn(Counting):
    """Counts right, and does not begin anew after a gap."""

    def clear(self):
        self.kept = []

    def add(self, sample):
        self.kept = [*self.kept, sample][-self.size :]
        self.count += 1
        fits = len(self.kept) == self.size and (self.count - self.size) % self.hop == 0
        return [np.stack(self.kept)] if fits else []


class RingOrder(Counting):
    def add(self, sample):
        found = super().add(sample)
        self.count += 1
        return [np.roll(window, self.count % self.size, axis=0) for window in found]


class DropsOneMore(Stream):
    """Clears after the sample was taken: the first one after a gap is lost."""

    def push(self, times, samples):
        found = []
        for time, sample in zip(times, samples, strict=True):
            windows = self.add(sample)
            if self.last is not None and time - self.last > self.patience:
                self.tell(time - self.last)
                self.clear()
                windows = []
            self.last = time
            found += windows
        return found


class FromTheBeginning(Stream):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.all = []

    def push(self, times, samples):
        self.all += super().push(times, samples)
        return list(self.all)


MISTAKES = [
    KnownMistake("no gap is noticed: compare the time of each sample with the one before it.", NeverLooks),
    KnownMistake(
        "you say that there was a gap, and a window still reaches over it. Throw the kept samples away.", SaysOnly
    ),
    KnownMistake("the window begins anew after a gap, and nobody is told: call `say`.", Silent),
    KnownMistake(
        "a gap between two calls of `push` is not noticed. Keep the time of the last sample in `self`.", InsideOnly
    ),
    KnownMistake(
        "a gap inside a chunk is not noticed: look at the time of every sample, not only of the first.", BetweenOnly
    ),
    KnownMistake(
        "each chunk is cut alone. Keep the samples that the next window needs in `self`.",
        EachChunkAlone,
    ),
    KnownMistake("a long chunk completes several windows, and you return the last one only.", NewestOnly),
    KnownMistake(
        "you look once for each call, at the last samples. Windows begin every `hop` samples, whatever the chunks.",
        OneForEachPush,
    ),
    KnownMistake(
        "after a window you throw all samples away. Only the first `hop` can go: the next window needs the rest.",
        NoOverlap,
    ),
    KnownMistake("a window comes with every sample. The next one begins `hop` samples later.", EverySample),
    KnownMistake(
        "`count % hop == 0` fits only when `size` is a multiple of `hop`. The first window comes with `size` samples.",
        CountedByHop,
    ),
    KnownMistake(
        "after a gap the first window must come with the first `size` samples: the count for `hop` begins anew too.",
        HopGoesOn,
    ),
    KnownMistake(
        "the samples are right, and in the order of the memory. The oldest one comes first (`np.roll`).",
        RingOrder,
    ),
    KnownMistake("the first sample after a gap is lost: clear before you keep it.", DropsOneMore),
    KnownMistake("a window is returned again and again. Return those that this call completed.", FromTheBeginning),
]


def cases(rng):
    """Return cases (size, hop, times, samples, cuts): gaps inside chunks and between them, chunks of 0 to 30."""
    found = []
    for size, hop in ((8, 4), (7, 3), (5, 5)):
        count = int(rng.integers(75, 90))
        steps = np.full(count, 20)
        between = int(rng.integers(24, 28))  # in the middle of a window, and not a whole number of hops
        inside = between + 2 * size + 5
        steps[[between, inside]] = rng.permutation([1740, 930])  # milliseconds
        steps[12] = 320  # late, and no gap yet
        end = inside - int(rng.integers(3, 5))
        cuts = [0, 1, 1, 4, between, between + 2, end, end + 25, count]
        found.append((size, hop, np.cumsum(steps) / 1000, walk(rng, count), cuts))
    whole = found[0][:4]
    count = len(whole[2])
    return [*found, (*whole, [0, count]), (*whole, list(range(count + 1)))]


def judge(answer, rng):
    tried = cases(rng)
    found = [_drive(answer, case) for case in tried]
    for _, said in found:
        if not all(type(text) is str for text in said):
            raise Mistake(f"`say` takes a sentence, it got {describe(said)}.")
    if not _does_as(Stream, tried, found):
        for hint, mistaken in MISTAKES:
            if _does_as(mistaken, tried, found):
                raise Mistake(hint)
    for case, (windows, said) in zip(tried, found, strict=True):
        right, told = _push_all(Stream, case)
        _compare(case, windows, said, right, told)
        for text, sentence in zip(said, told, strict=True):
            _judge_sentence(text, *_seconds(sentence))


def _push_all(make, case):
    """Return ([windows of each push], [what was said]) as the class gives them."""
    size, hop, times, samples, cuts = case
    said = []
    stream = make(size, hop, PATIENCE, said.append)
    pairs = zip(cuts, cuts[1:], strict=False)
    return [stream.push(times[start:end].copy(), samples[start:end].copy()) for start, end in pairs], said


def _drive(answer, case):
    """Return what _push_all returns, as lists and arrays of the right form, after looking at it."""
    size, hop, times, samples, cuts = case
    said, found, parts = [], [], []
    stream = answer(size, hop, PATIENCE, said.append)
    if not callable(getattr(stream, "push", None)):
        raise Mistake(f"an object with `push(times, samples)` is expected, this is {describe(stream)}.")
    for start, end in zip(cuts, cuts[1:], strict=False):
        given = times[start:end].copy(), samples[start:end].copy()
        part = stream.push(*given)
        _require_windows(part, (size, samples.shape[1]))
        found.append([window.copy() for window in part])
        parts.append(part)
        require_unchanged(given, (times[start:end], samples[start:end]))
    for windows, part in zip(found, parts, strict=True):
        if not same(windows, list(exercise.as_it_is_now(part))):
            raise Mistake(
                "a window changes after it was returned: it is a view of memory that is written again. Return a copy."
            )
    return found, said


def _require_windows(part, shape):
    """Raise Mistake unless a push returned windows of this shape in a list, a tuple or an array."""
    if part is None or part is Ellipsis:
        raise Mistake("`push` returns nothing yet. Return a list of windows, an empty one when none is complete.")
    if type(part) not in (list, tuple, np.ndarray):
        raise Mistake(f"`push` returns {describe(part)}, not a list of windows.")
    for window in part:
        if type(window) is not np.ndarray or window.shape != shape:
            raise Mistake(f"a window is an array of shape {shape}, this is {describe(window)}.")


def _does_as(make, tried, found):
    """Return whether a class gives the same windows in all cases, and says something equally often."""
    for case, (windows, said) in zip(tried, found, strict=True):
        theirs, told = _push_all(make, case)
        if len(said) != len(told) or not same(windows, theirs):
            return False
    return True


def _compare(case, windows, said, right, told):
    """Raise Mistake with the first difference between what the answer gave in a case and what is right."""
    chunks = f"size {case[0]}, hop {case[1]}, chunks of {describe(np.diff(case[4]).tolist())} samples"
    counts, expected = [len(part) for part in windows], [len(part) for part in right]
    if counts != expected:
        raise Mistake(f"{chunks}: your calls return {describe(counts)} windows, expected {describe(expected)}.")
    if not same(windows, right):
        raise Mistake(f"{chunks}: the number of windows is right, their samples or dtype are not.")
    if len(said) != len(told):
        raise Mistake(f"{chunks}: `say` is called {len(said)} times, the stream has {len(told)} gaps.")


def _judge_sentence(text, seconds):
    if seconds not in _seconds(text):
        raise Mistake(f"the sentence {text[:80]!r} does not say how long the gap was: {seconds} s.")
    if not text.strip().endswith(".") or "\n" in text.strip():
        raise Mistake(f"say one sentence in one line, with a full stop: {text[:80]!r}.")


def _seconds(text):
    return [float(number) for number in re.findall(r"\d+\.\d+|\d+", text)]


EXERCISE = Exercise(
    points=3,
    tests="Stream: the same samples in chunks of many sizes, with gaps inside a chunk and between two",
    why="a sensor sends what it has when it has it, and its cable is pulled out some day.",
    judge=judge,
    mistakes=MISTAKES,
)
