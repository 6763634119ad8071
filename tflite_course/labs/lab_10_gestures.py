"""The exercises of lab 10: windows, persons held out, statistics, recall, one scale, a stream, a decision."""

import copy
import re

import numpy as np

from tflite_course.labs.exercise import (
    Exercise,
    Mistake,
    compare_function,
    describe,
    require_function,
    require_returned,
    same,
)

PATIENCE = 0.5  # seconds without a sample


def _walk(rng, count, axes=6):
    """Return samples, float32 (count, axes), that are all different."""
    return np.cumsum(rng.normal(0, 0.1, (count, axes)), axis=0).astype(np.float32)


def _unchanged(given, untouched):
    if not all(np.array_equal(g, u) for g, u in zip(given, untouched, strict=True) if type(u) is np.ndarray):
        raise Mistake("your function changes the array that it is given. Work on a new one.")


# --- cut_windows
def _cut(samples, size, hop):
    starts = range(0, len(samples) - size + 1, hop)
    return np.array([samples[s : s + size] for s in starts], np.float32).reshape(-1, size, samples.shape[1])


def judge_cut_windows(answer, rng):
    require_function(answer)
    size, hop = int(rng.integers(9, 13)), int(rng.integers(3, 6))
    cases = [
        (_walk(rng, size + 5 * hop), size, hop),  # the last window ends with the last sample
        (_walk(rng, size + 4 * hop + 1), size, hop),
        (_walk(rng, size + 3 * hop - 1, 3), size, hop),
        (_walk(rng, 3 * size + 2), size, size),
    ]

    def exactly(count):
        def cut(samples, size, hop):
            return np.stack([samples[i * hop : i * hop + size] for i in range(count(len(samples), size, hop))])

        return cut

    def padded(samples, size, hop):
        starts = range(0, len(samples), hop)
        parts = [np.pad(samples[s : s + size], ((0, max(0, s + size - len(samples))), (0, 0))) for s in starts]
        return np.stack(parts)

    def without_overlap(samples, size, hop):
        return _cut(samples, size, size)

    def every_sample(samples, size, hop):
        return _cut(samples, size, 1)

    def time_last(samples, size, hop):
        return _cut(samples, size, hop).swapaxes(1, 2)

    try:
        compare_function(
            answer,
            _cut,
            cases,
            {
                "the last window is missing. It may end with the last sample: count `(n - size) // hop + 1`.": exactly(
                    lambda n, size, hop: len(range(0, n - size, hop))
                ),
                "one window is missing: the first one belongs to the count, `(n - size) // hop + 1`.": exactly(
                    lambda n, size, hop: (n - size) // hop
                ),
                "you fill the last windows with zeros. Leave out a window that is not complete.": padded,
                "your windows do not overlap: the next one begins `hop` samples later, not `size`.": without_overlap,
                "you begin a window at every sample. Take every `hop`-th one.": every_sample,
                "the axes are exchanged: (windows, size, axes) is asked. `sliding_window_view` puts time last.": (
                    time_last
                ),
            },
        )
    except Mistake as mistake:
        if "inhomogeneous" in str(mistake) or "must have the same shape" in str(mistake):
            raise Mistake("your windows have different lengths. Leave out a window that is not complete.") from None
        raise
    for count in (size, size - 1):
        _try_short(answer, _walk(rng, count), size, hop)


def _try_short(answer, samples, size, hop):
    expected = _cut(samples, size, hop)
    says = f"{len(samples)} samples give {'one window' if len(expected) else 'no window'} of {size}"
    try:
        found = answer(samples.copy(), size, hop)
    except Exception:  # the student's own code may raise anything
        raise Mistake(f"{says}, and your function stops. Return an array of shape {expected.shape}.") from None
    if not same(found, expected):
        raise Mistake(f"{says}: return an array of shape {expected.shape}, not {describe(found)}.")


# --- split_by_person
def judge_split_by_person(answer, rng):
    require_function(answer)
    for shuffled in (False, True):
        persons = np.repeat(np.arange(1, 11), rng.integers(4, 9, 10))
        if shuffled:
            persons = rng.permutation(persons)
        held_out = tuple(int(p) for p in rng.permutation(10)[:3] + 1)
        given = persons.copy()
        found = require_returned(answer(given, held_out))
        _unchanged([given], [persons])
        _compare_split(found, persons, held_out)


def _compare_split(found, persons, held_out):
    if type(found) not in (tuple, list) or len(found) != 2:
        raise Mistake(f"two arrays are expected, learned and unseen, this is {describe(found)}.")
    parts = [np.array(part) if type(part) is list else part for part in found]
    if not all(type(part) is np.ndarray and part.ndim == 1 for part in parts):
        raise Mistake(f"two arrays of positions are expected, this is {describe(found)}.")
    if any(part.dtype == bool for part in parts):
        raise Mistake("these are arrays of True and False. `np.flatnonzero` gives the positions of True.")
    if any(part.dtype.kind not in "iu" for part in parts):
        raise Mistake(f"positions are whole numbers, these are {parts[0].dtype} and {parts[1].dtype}.")
    count, unseen = len(persons), np.isin(persons, held_out)
    learned, tested = (np.sort(part.astype(np.int64)) for part in parts)
    expected = np.flatnonzero(~unseen), np.flatnonzero(unseen)
    if same((learned, tested), expected):
        return
    if same((tested, learned), expected):
        raise Mistake("the two parts are exchanged: the windows to learn from come first.")
    if same((learned, tested), (np.sort(persons[~unseen]), np.sort(persons[unseen]))):
        raise Mistake("these are the numbers of the persons. Asked are the positions of their windows.")
    for some in (held_out[:1], held_out[-1:], held_out[:-1]):
        if same(tested, np.flatnonzero(np.isin(persons, some))):
            raise Mistake(f"{describe(held_out)} are held out, and your second part has {describe(some)} only.")
    everything = np.concatenate([learned, tested])
    if len(everything) and (everything.min() < 0 or everything.max() >= count):
        raise Mistake(f"there are {count} windows, so positions go from 0 to {count - 1}.")
    both = np.intersect1d(persons[learned], persons[tested])
    if len(both):
        raise Mistake(
            f"person {both[0]} is in both parts: this is the leak. Decide by the person of a window, not by its place "
            f"or by chance."
        )
    if len(everything) < count:
        raise Mistake(f"{count - len(everything)} of {count} windows are in no part.")
    if len(np.unique(everything)) < len(everything):
        raise Mistake("a window is in a part more than once.")
    raise Mistake(
        f"{describe(held_out)} are held out; your second part has the persons {describe(np.unique(persons[tested]))}."
    )


# --- standardize
def _standardize(train, test):
    axes = tuple(range(train.ndim - 1))
    mean, spread = train.mean(axis=axes), train.std(axis=axes)
    return (train - mean) / spread, (test - mean) / spread


def _float32_pair(value):
    """Return two float arrays as float32: which float dtype comes back is no part of the exercise."""
    if type(value) in (tuple, list) and len(value) == 2:
        if all(type(part) is np.ndarray and part.dtype.kind == "f" for part in value):
            return tuple(part.astype(np.float32) for part in value)
    return value


def judge_standardize(answer, rng):
    require_function(answer)
    cases = []
    for shape in ((60, 16, 6), (900, 12)):
        axes = shape[-1]
        spread, middle = rng.uniform(0.2, 5, axes), rng.uniform(-3, 3, axes)
        # windows differ in their own means too, so that statistics of each window are other ones
        train = rng.normal(0, 1, shape) + rng.normal(0, 1, (shape[0], *[1] * (len(shape) - 1)))
        test = rng.normal(0.7, 1.6, (shape[0] // 3, *shape[1:]))
        cases.append(tuple((part * spread + middle).astype(np.float32) for part in (train, test)))

    def with_statistics(mean, spread):
        def standardize(train, test):
            return tuple((part - mean(part, train, test)) / spread(part, train, test) for part in (train, test))

        return standardize

    def axes_of(part):
        return tuple(range(part.ndim - 1))

    def together(function):
        return lambda part, train, test: function(np.concatenate([train, test]), axis=axes_of(part))

    def own(function):
        return lambda part, train, test: function(part, axis=axes_of(part))

    def learned(function):
        return lambda part, train, test: function(train, axis=axes_of(part))

    def one_number(function):
        return lambda part, train, test: function(train)

    def each_step(function):
        return lambda part, train, test: function(train, axis=0)

    def each_window(function):
        return lambda part, train, test: function(part, axis=1, keepdims=True)

    def lowest(part, train, test):
        return train.min(axis=axes_of(part))

    def reach(part, train, test):
        return np.ptp(train, axis=axes_of(part))

    compare_function(
        lambda train, test: _float32_pair(answer(train, test)),
        _standardize,
        cases,
        {
            "you take the statistics of training and test together. The test must tell the preparation nothing.": (
                with_statistics(together(np.mean), together(np.std))
            ),
            "the test is standardized by its own statistics. A device has only those of the training.": (
                with_statistics(own(np.mean), own(np.std))
            ),
            "one mean and one spread serve all axes. Each axis needs its own.": with_statistics(
                one_number(np.mean), one_number(np.std)
            ),
            "`axis=0` alone gives a mean for each step of a window. Average over all axes but the last one.": (
                with_statistics(each_step(np.mean), each_step(np.std))
            ),
            "each window gets its own mean. Then a calm and a wild movement look alike: take those of the training.": (
                with_statistics(each_window(np.mean), each_window(np.std))
            ),
            "you divide by the variance. Divide by its root, the standard deviation.": with_statistics(
                learned(np.mean), learned(np.var)
            ),
            "the mean is not subtracted.": with_statistics(lambda part, train, test: 0, learned(np.std)),
            "the mean is gone, the spread is not: divide by the standard deviation.": with_statistics(
                learned(np.mean), lambda part, train, test: 1
            ),
            "this brings each axis to 0..1. Asked is: minus the mean, divided by the standard deviation.": (
                with_statistics(lowest, reach)
            ),
        },
        tolerance=0.02,
    )


# --- recall
def _recall(truth, answers, classes):
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (truth, answers), 1)
    return confusion, confusion.diagonal() / confusion.sum(axis=1)


def judge_recall(answer, rng):
    require_function(answer)
    cases = []
    for classes in (4, 7, 5):
        truth = np.concatenate([np.arange(classes), np.arange(classes), rng.integers(0, classes, 40)])
        answers = np.where(rng.random(len(truth)) < 0.6, truth, rng.integers(0, classes, len(truth)))
        answers[:classes] = truth[:classes]
        order = rng.permutation(len(truth))
        cases.append((truth[order], answers[order], classes))
    truth, answers, classes = cases.pop()
    answers = np.where(answers == classes - 1, 0, answers)  # a class that is never answered: its column is empty

    def tried(truth, answers, classes):
        return _whole_matrix(answer(truth, answers, classes))

    def with_matrix(make, share=lambda c: c.diagonal() / c.sum(axis=1)):
        def recall(truth, answers, classes):
            confusion = make(truth, answers, classes)
            return confusion, share(confusion)

        return recall

    def counted(truth, answers, classes):
        return _recall(truth, answers, classes)[0]

    def transposed(truth, answers, classes):
        return counted(truth, answers, classes).T

    def once(truth, answers, classes):
        return np.minimum(counted(truth, answers, classes), 1)

    def share_all(confusion):
        return confusion.diagonal() / confusion.sum()

    def precision(confusion):
        return confusion.diagonal() / confusion.sum(axis=0)

    def mean(truth, answers, classes):
        confusion, shares = _recall(truth, answers, classes)
        return confusion, float(shares.mean())

    def accuracy(truth, answers, classes):
        return counted(truth, answers, classes), float(np.mean(truth == answers))

    def misses(confusion):
        return 1 - confusion.diagonal() / confusion.sum(axis=1)

    hint = "you divide by the column, how often a class was answered. That is precision; recall divides by the row."
    compare_function(
        tried,
        _recall,
        cases,
        {
            "rows and columns are exchanged: a row belongs to the truth, a column to the answer.": with_matrix(
                transposed, lambda c: c.diagonal() / c.sum(axis=0)
            ),
            "rows and columns are exchanged: a row belongs to the truth, so you divide by its sum.": with_matrix(
                transposed
            ),
            "`confusion[truth, answers] += 1` counts each pair once. `np.add.at` or a loop counts all.": with_matrix(
                once
            ),
            hint: with_matrix(counted, precision),
            "you divide by all windows. Divide by those of the class: the sum of its row.": with_matrix(
                counted, share_all
            ),
            "this is the share that was missed. Recall is the share that was found.": with_matrix(counted, misses),
            "this is the mean of the recalls. Asked is an array with one recall for each class.": mean,
            "this is the accuracy. Asked is an array with one recall for each class.": accuracy,
        },
        tolerance=1e-6,
    )
    compare_function(tried, _recall, [(truth, answers, classes)], tolerance=1e-6)


def _whole_matrix(value):
    """Return (matrix, recalls) with the matrix as int64 when it holds whole numbers, and the recalls as an array."""
    if type(value) not in (tuple, list) or len(value) != 2:
        return value
    matrix, recalls = value
    if type(matrix) is np.ndarray and matrix.dtype.kind in "iuf" and np.array_equal(matrix, np.round(matrix)):
        matrix = matrix.astype(np.int64)
    if type(recalls) is list:
        recalls = np.array(recalls)
    if type(recalls) is np.ndarray and recalls.dtype.kind == "f":
        recalls = recalls.astype(np.float64)
    return matrix, recalls


# --- count_steps
def _steps(samples, scale, zero_point):
    q = np.clip(np.round(samples / scale) + zero_point, -128, 127)
    return [len(np.unique(q[:, axis])) for axis in range(q.shape[1])]


def judge_count_steps(answer, rng):
    require_function(answer)
    cases = []
    for zero_point in (0, -40, 25):
        # two axes with a few steps, two with many, two that leave the range
        widths = rng.permutation([1.2, 2.3, 12.0, 30.0, 150.0, 260.0])
        scale = float(rng.uniform(0.02, 0.05))
        cases.append(((rng.normal(0, 1, (400, 6)) * widths * scale).astype(np.float32), scale, zero_point))

    def with_values(make):
        def count(samples, scale, zero_point):
            q = make(samples, scale, zero_point)
            return [len(np.unique(q[:, axis])) for axis in range(q.shape[1])]

        return count

    def quantized(samples, scale, zero_point):
        return np.clip(np.round(samples / scale) + zero_point, -128, 127)

    def largest_minus_smallest(samples, scale, zero_point):
        return np.ptp(quantized(samples, scale, zero_point), axis=0).astype(int).tolist()

    def span(samples, scale, zero_point):
        return (np.ptp(quantized(samples, scale, zero_point), axis=0).astype(int) + 1).tolist()

    def everything(samples, scale, zero_point):
        return len(np.unique(quantized(samples, scale, zero_point)))

    def own_scale(samples, scale, zero_point):
        return quantized(samples, np.abs(samples).max(axis=0) / 127, zero_point)

    span_hint = "this is the distance from the smallest to the largest value. Count the values that do occur."
    compare_function(
        lambda samples, scale, zero_point: _plain_list(answer(samples, scale, zero_point)),
        _steps,
        cases,
        {
            "values outside the range are not clipped to -128 and 127, so you count steps that int8 does not have.": (
                with_values(lambda x, s, z: np.round(x / s) + z)
            ),
            "the cast to int8 wraps values around, 128 becomes -128. Clip to -128 and 127 first.": with_values(
                lambda x, s, z: (np.round(x / s) + z).astype(np.int64).astype(np.int8)
            ),
            "you cut the fraction off. Round to the nearest whole number.": with_values(
                lambda x, s, z: np.clip(np.trunc(x / s) + z, -128, 127)
            ),
            "you cut the fraction off after adding the zero point. Round to the nearest whole number.": with_values(
                lambda x, s, z: np.trunc(np.clip(x / s + z, -128, 127))
            ),
            "you round down. Round to the nearest whole number.": with_values(
                lambda x, s, z: np.clip(np.floor(x / s) + z, -128, 127)
            ),
            "you count different floats. Quantize first: divide by the scale and round.": with_values(
                lambda x, s, z: x
            ),
            "the zero point is missing, or added after the clipping. It moves the range: add it, then clip.": (
                with_values(lambda x, s, z: np.clip(np.round(x / s), -128, 127))
            ),
            "you multiply by the scale. It is the worth of one step: divide by it.": with_values(
                lambda x, s, z: np.clip(np.round(x * s) + z, -128, 127)
            ),
            "this is one number for all axes together. Asked is one for each axis.": everything,
            "each axis gets a scale of its own. An int8 input has one scale for all: take the one that is given.": (
                with_values(own_scale)
            ),
            span_hint: span,
            span_hint + " ": largest_minus_smallest,
        },
    )


def _plain_list(value):
    """Return a list of whole numbers for a list, a tuple or an array of them."""
    if type(value) is np.ndarray and value.ndim == 1 and value.dtype.kind in "iu":
        return value.tolist()
    return value


# --- Stream
class _Stream:
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

    def push(self, times, samples):
        found = []
        for number, (time, sample) in enumerate(zip(times, samples, strict=True)):
            if self.gap(number, time):
                if self.says:
                    self.say(f"No sample for {time - self.last:.1f} s.")
                if self.clears:
                    self.clear()
            self.last = time
            found += self.add(sample)
        return found


class _NeverLooks(_Stream):
    between = inside = False


class _SaysOnly(_Stream):
    clears = False


class _Silent(_Stream):
    says = False


class _InsideOnly(_Stream):
    between = False


class _BetweenOnly(_Stream):
    inside = False


class _EachChunkAlone(_Stream):
    def push(self, times, samples):
        self.kept = []
        return super().push(times, samples)


class _NewestOnly(_Stream):
    def push(self, times, samples):
        return super().push(times, samples)[-1:]


class _OneForEachPush(_Stream):
    """Looks once at the end of a push: the last `size` samples, when there are enough new ones."""

    def add(self, sample):
        self.kept = [*self.kept, sample][-self.size :]
        return []

    def push(self, times, samples):
        super().push(times, samples)
        return [np.stack(self.kept)] if len(self.kept) == self.size and len(samples) else []


class _NoOverlap(_Stream):
    def add(self, sample):
        found = super().add(sample)
        self.kept = [] if found else self.kept
        return found


class _EverySample(_Stream):
    def add(self, sample):
        found = super().add(sample)
        if found:
            self.kept = list(found[0][1:])
        return found


class _Counting(_Stream):
    """Counts the samples since the beginning or the last gap."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.count = 0

    def clear(self):
        self.kept, self.count = [], 0


class _CountedByHop(_Counting):
    """The rule `count % hop == 0`, which is right only when the size is a multiple of the hop."""

    def add(self, sample):
        self.kept = [*self.kept, sample][-self.size :]
        self.count += 1
        return [np.stack(self.kept)] if len(self.kept) == self.size and self.count % self.hop == 0 else []


class _HopGoesOn(_CountedByHop):
    """Counts right, and does not begin anew after a gap."""

    def clear(self):
        self.kept = []

    def add(self, sample):
        self.kept = [*self.kept, sample][-self.size :]
        self.count += 1
        fits = len(self.kept) == self.size and (self.count - self.size) % self.hop == 0
        return [np.stack(self.kept)] if fits else []


class _RingOrder(_Counting):
    def add(self, sample):
        found = super().add(sample)
        self.count += 1
        return [np.roll(window, self.count % self.size, axis=0) for window in found]


class _DropsOneMore(_Stream):
    """Clears after the sample was taken: the first one after a gap is lost."""

    def push(self, times, samples):
        found = []
        for time, sample in zip(times, samples, strict=True):
            windows = self.add(sample)
            if self.last is not None and time - self.last > self.patience:
                self.say(f"No sample for {time - self.last:.1f} s.")
                self.clear()
                windows = []
            self.last = time
            found += windows
        return found


class _FromTheBeginning(_Stream):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.all = []

    def push(self, times, samples):
        self.all += super().push(times, samples)
        return list(self.all)


STREAMS = {
    "no gap is noticed: compare the time of each sample with the one before it.": _NeverLooks,
    "you say that there was a gap, and a window still reaches over it. Throw the kept samples away.": _SaysOnly,
    "the window begins anew after a gap, and nobody is told: call `say`.": _Silent,
    "a gap between two calls of `push` is not noticed. Keep the time of the last sample in `self`.": _InsideOnly,
    "a gap inside a chunk is not noticed: look at the time of every sample, not only of the first.": _BetweenOnly,
    "each chunk is cut alone. Keep the samples that the next window needs in `self`.": _EachChunkAlone,
    "a long chunk completes several windows, and you return the last one only.": _NewestOnly,
    "you look once for each call, at the last samples. Windows begin every `hop` samples, whatever the chunks.": (
        _OneForEachPush
    ),
    "after a window you throw all samples away. Only the first `hop` can go: the next window needs the rest.": (
        _NoOverlap
    ),
    "a window comes with every sample. The next one begins `hop` samples later.": _EverySample,
    "`count % hop == 0` fits only when `size` is a multiple of `hop`. The first window comes with `size` samples.": (
        _CountedByHop
    ),
    "after a gap the first window must come with the first `size` samples: the count for `hop` begins anew too.": (
        _HopGoesOn
    ),
    "the samples are right, and in the order of the memory. The oldest one comes first (`np.roll`).": _RingOrder,
    "the first sample after a gap is lost: clear before you keep it.": _DropsOneMore,
    "a window is returned again and again. Return those that this call completed.": _FromTheBeginning,
}


def _stream_cases(rng):
    """Return cases (size, hop, times, samples, cuts): gaps inside chunks and between them, chunks of 0 to 30."""
    cases = []
    for size, hop in ((8, 4), (7, 3), (5, 5)):
        count = int(rng.integers(75, 90))
        steps = np.full(count, 20)
        between = int(rng.integers(24, 28))  # in the middle of a window, and not a whole number of hops
        inside = between + 2 * size + 5
        steps[[between, inside]] = rng.permutation([1740, 930])  # milliseconds
        steps[12] = 320  # late, and no gap yet
        end = inside - int(rng.integers(3, 5))
        cuts = [0, 1, 1, 4, between, between + 2, end, end + 25, count]
        cases.append((size, hop, np.cumsum(steps) / 1000, _walk(rng, count), cuts))
    whole = cases[0]
    cases.append((*whole[:4], [0, len(whole[2])]))
    return [*cases, (*whole[:4], list(range(len(whole[2]) + 1)))]


def _push_all(make, case):
    """Return ([windows of each push], [what was said]) as the class gives them."""
    size, hop, times, samples, cuts = case
    said = []
    stream = make(size, hop, PATIENCE, said.append)
    pairs = zip(cuts, cuts[1:], strict=False)
    return [stream.push(times[start:end].copy(), samples[start:end].copy()) for start, end in pairs], said


def _seconds(text):
    return [float(number) for number in re.findall(r"\d+\.\d+|\d+", text)]


def _drive(answer, case):
    """Return what _push_all returns, as lists and arrays of the right form, after looking at it."""
    size, hop, times, samples, cuts = case
    said, given, found, copies = [], [], [], []
    stream = answer(size, hop, PATIENCE, said.append)
    if not callable(getattr(stream, "push", None)):
        raise Mistake(f"an object with `push(times, samples)` is expected, this is {describe(stream)}.")
    for start, end in zip(cuts, cuts[1:], strict=False):
        given.append((times[start:end].copy(), samples[start:end].copy()))
        part = stream.push(*given[-1])
        if part is None or part is Ellipsis:
            raise Mistake("`push` returns nothing yet. Return a list of windows, an empty one when none is complete.")
        if type(part) not in (list, tuple, np.ndarray):
            raise Mistake(f"`push` returns {describe(part)}, expected is a list of windows.")
        for window in part:
            if type(window) is not np.ndarray or window.shape != (size, samples.shape[1]):
                raise Mistake(
                    f"a window is an array of shape ({size}, {samples.shape[1]}), this is {describe(window)}."
                )
        found.append(list(part))
        copies.append(copy.deepcopy(found[-1]))
        _unchanged(given[-1], (times[start:end], samples[start:end]))
    for windows, kept in zip(found, copies, strict=True):
        if not same(windows, kept):
            raise Mistake(
                "a window changes after it was returned: it is a view of memory that is written again. Return a copy."
            )
    return found, said


def judge_stream(answer, rng):
    require_function(answer)
    cases = _stream_cases(rng)
    found = [_drive(answer, case) for case in cases]
    for _, said in found:
        if not all(type(text) is str for text in said):
            raise Mistake(f"`say` takes a sentence, it got {describe(said)}.")

    def lengths(said):
        return [len(windows) for windows in said]

    def alike(one, other):
        windows = same(one[0], other[0])
        return windows and len(one[1]) == len(other[1])

    expected = [_push_all(_Stream, case) for case in cases]
    if not all(alike(f, e) for f, e in zip(found, expected, strict=True)):
        for hint, make in STREAMS.items():
            theirs = [_push_all(make, case) for case in cases]
            if all(alike(f, t) for f, t in zip(found, theirs, strict=True)):
                raise Mistake(hint)
        for case, (windows, said), (right, told) in zip(cases, found, expected, strict=True):
            chunks = f"size {case[0]}, hop {case[1]}, chunks of {describe(np.diff(case[4]).tolist())} samples"
            if lengths(windows) != lengths(right):
                raise Mistake(
                    f"{chunks}: your calls return {describe(lengths(windows))} windows, expected "
                    f"{describe(lengths(right))}."
                )
            if not same(windows, right):
                raise Mistake(f"{chunks}: the number of windows is right, their samples or dtype are not.")
            if len(said) != len(told):
                raise Mistake(f"{chunks}: `say` is called {len(said)} times, the stream has {len(told)} gaps.")
    for (_, said), (_, told) in zip(found, expected, strict=True):
        for text, right in zip(said, told, strict=True):
            (seconds,) = _seconds(right)
            if seconds not in _seconds(text):
                raise Mistake(f"the sentence {text[:80]!r} does not say how long the gap was: {seconds} s.")
            if not text.strip().endswith(".") or "\n" in text.strip():
                raise Mistake(f"say one sentence in one line, with a full stop: {text[:80]!r}.")


# --- decide
def _decide(shares, k, on, off):
    answer, events = -1, []
    for row in range(len(shares)):
        mean = shares[max(0, row - k + 1) : row + 1].mean(axis=0)
        best, now = int(mean.argmax()), answer
        if mean[best] >= on:
            now = best
        elif answer >= 0 and mean[answer] < off:
            now = -1
        if now != answer:
            events.append((row, now))
        answer = now
    return events


def _scene(rng):
    """Return probabilities, float64 (n, 7), of rest, two exercises, twitches and a doubtful end."""
    a, b, c = rng.permutation(7)[:3]
    plan = [(None, 0, 4), (a, 0.9, 6), (b, 0.95, 1), (a, 0.85, 4), (a, 0.48, 5), (a, 0.9, 3), (a, 0.15, 3)]
    plan += [(b, 0.88, 6), (c, 0.97, 7), (c, 0.5, 3), (None, 0, 7), (c, 0.9, 6), (None, 0, 6)]
    rows = []
    for best, share, count in plan:
        for _ in range(count):
            row = np.zeros(7)
            if best is not None:
                value = share + rng.uniform(-0.02, 0.02)
                row[:] = (1 - value) * rng.dirichlet(np.full(7, 20.0))
                row[best] = value
            rows.append(row)
    return np.array(rows)


def judge_decide(answer, rng):
    require_function(answer)
    cases = [(_scene(rng), k, 0.7, 0.4) for k in (1, 3, 4)]
    exact = np.zeros((9, 7))  # quarters, so that a mean of one row is exactly `on` or `off`
    exact[[1, 2, 3, 4, 5, 6], 3] = 0.5, 0.75, 0.5, 0.25, 0.5, 0.125
    cases.append((exact, 1, 0.5, 0.25))
    cases.append((np.vstack([np.full((1, 7), [0, 0, 0, 0, 0.9, 0, 0]), _scene(rng)]), 5, 0.65, 0.3))

    def with_mean(mean_of, on_rule=lambda mean, on: mean >= on, off_rule=lambda mean, off: mean < off):
        def decide(shares, k, on, off):
            answer, events = -1, []
            for row in range(len(shares)):
                mean = mean_of(shares, row, k)
                best, now = int(mean.argmax()), answer
                if on_rule(mean[best], on):
                    now = best
                elif answer >= 0 and off_rule(mean[answer], off):
                    now = -1
                if now != answer:
                    events.append((row, now))
                answer = now
            return events

        return decide

    def last(shares, row, k):
        return shares[max(0, row - k + 1) : row + 1].mean(axis=0)

    def one_threshold(shares, k, on, off):
        return _decide(shares, k, on, on)

    def exchanged(shares, k, on, off):
        return _decide(shares, k, off, on)

    def each_row(shares, k, on, off):
        known, answer, rows = dict(_decide(shares, k, on, off)), -1, []
        for row in range(len(shares)):
            answer = known.get(row, answer)
            rows.append((row, answer))
        return rows

    def first_too(shares, k, on, off):
        events = _decide(shares, k, on, off)
        return events if events[:1] and events[0][0] == 0 else [(0, -1), *events]

    def only_on(shares, k, on, off):
        return [event for event in _decide(shares, k, on, off) if event[1] >= 0]

    def never_off(shares, k, on, off):
        return _decide(shares, k, on, -1.0)

    def from_one(shares, k, on, off):
        return [(row + 1, now) for row, now in _decide(shares, k, on, off)]

    def holds_on(shares, k, on, off):
        answer, events = -1, []
        for row in range(len(shares)):
            mean = last(shares, row, k)
            best, now = int(mean.argmax()), answer
            if answer < 0:
                now = best if mean[best] >= on else -1
            elif mean[answer] < off:
                now = best if mean[best] >= on else -1
            if now != answer:
                events.append((row, now))
            answer = now
        return events

    def goes_off_first(shares, k, on, off):
        answer, events = -1, []
        for row in range(len(shares)):
            mean = last(shares, row, k)
            best, now = int(mean.argmax()), answer
            if answer < 0 and mean[best] >= on:
                now = best
            elif answer >= 0 and mean[answer] < off:
                now = -1
            if now != answer:
                events.append((row, now))
            answer = now
        return events

    def only_names(shares, k, on, off):
        return [now for _, now in _decide(shares, k, on, off)]

    later = "another class that reaches `on` takes over at once. Do not wait until the old one is below `off`."
    compare_function(
        answer,
        _decide,
        cases,
        {
            "the probabilities are not smoothed: take the mean of the last `k` rows.": with_mean(
                lambda shares, row, k: shares[row]
            ),
            "at the beginning you divide by `k`, and there are fewer rows yet. Take the mean of those that exist.": (
                with_mean(lambda shares, row, k: shares[max(0, row - k + 1) : row + 1].sum(axis=0) / k)
            ),
            "your mean looks into the future: at a row, only this row and those before it are known.": with_mean(
                lambda shares, row, k: shares[max(0, row - k // 2) : row + k - k // 2].mean(axis=0)
            ),
            "your mean begins at this row and looks into the future. Take this row and those before it.": with_mean(
                lambda shares, row, k: shares[row : row + k].mean(axis=0)
            ),
            "your mean has one row too many: this row belongs to the `k`.": with_mean(
                lambda shares, row, k: shares[max(0, row - k) : row + 1].mean(axis=0)
            ),
            "you take the mean of all rows so far. An old exercise must be forgotten: take the last `k`.": with_mean(
                lambda shares, row, k: shares[: row + 1].mean(axis=0)
            ),
            "`on` means at least: a class comes on when its mean is `on` or more.": with_mean(
                last, on_rule=lambda mean, on: mean > on
            ),
            "a class goes off below `off`. At `off` itself it stays.": with_mean(
                last, off_rule=lambda mean, off: mean <= off
            ),
            "you use one threshold. A class that is on stays until its mean falls below `off`.": one_threshold,
            "the two thresholds are exchanged.": exchanged,
            "there is a message for each row. Send one only when the answer changes.": each_row,
            "the first message says -1, and that is where it starts. Send one only when the answer changes.": first_too,
            "the end of an exercise is a change too: send -1 when the class goes off.": only_on,
            "a class never goes off. When its mean falls below `off`, the answer is -1.": never_off,
            "rows are counted from 0.": from_one,
            later: holds_on,
            later + " ": goes_off_first,
            "the number of the row is missing: a message is (row, answer).": only_names,
        },
    )


EXERCISES = {
    "cut_windows": Exercise(
        2,
        "cut_windows(samples, size, hop) on recordings that end at the end of a window, after it, before it, too early",
        "a window that is filled up shows a movement that nobody made, and one that is lost is data that you paid for.",
        judge_cut_windows,
    ),
    "split_by_person": Exercise(
        2,
        "split_by_person(persons, held_out) with windows in order and in disorder",
        "a person in both parts makes the accuracy higher than any new user will see.",
        judge_split_by_person,
    ),
    "standardize": Exercise(
        2,
        "standardize(train, test) on windows and on features: whose statistics, over which axes",
        "what the test told the preparation is a leak, and a device has no test set.",
        judge_standardize,
    ),
    "recall": Exercise(
        2,
        "recall(truth, answers, classes) with many equal pairs and a class that is never answered",
        "an accuracy hides the one exercise that is nearly never found.",
        judge_recall,
    ),
    "count_steps": Exercise(
        2,
        "count_steps(samples, scale, zero_point) on axes with few values, with many, and outside the range",
        "one scale serves all axes of an int8 input, and an axis with few steps tells the network nothing.",
        judge_count_steps,
    ),
    "stream": Exercise(
        3,
        "Stream: the same samples in chunks of many sizes, with gaps inside a chunk and between two",
        "a sensor sends what it has when it has it, and its cable is pulled out some day.",
        judge_stream,
    ),
    "decide": Exercise(
        3,
        "decide(shares, k, on, off) on rest, twitches, a doubtful exercise and a change of exercise",
        "who gets a message at every twitch switches the device off.",
        judge_decide,
    ),
}
