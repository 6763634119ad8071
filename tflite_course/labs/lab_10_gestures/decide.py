"""Lab 10, decide: messages at changes of a smoothed answer, with two thresholds."""

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake


def decide(shares, k, on, off):
    return _decide(shares, k, on, off)


def last(shares, row, k):
    """Return the mean of the last k rows that exist at a row."""
    return shares[max(0, row - k + 1) : row + 1].mean(axis=0)


def next_answer(mean, answer, on, off):
    """Return the answer after a row with this mean: a class, or -1."""
    best = int(mean.argmax())
    if mean[best] >= on:
        return best
    return -1 if answer >= 0 and mean[answer] < off else answer


def _decide(shares, k, on, off, mean=last, rule=next_answer):
    """Return the messages; the options are the mistakes that people make."""
    answer, messages = -1, []
    for row in range(len(shares)):
        now = rule(mean(shares, row, k), answer, on, off)
        if now != answer:
            messages.append((row, now))
        answer = now
    return messages


def cases(rng):
    found = [(_scene(rng), k, 0.7, 0.4) for k in (1, 3, 4)]
    exact = np.zeros((9, 7))  # quarters, so that a mean of one row is exactly `on` or `off`
    exact[[1, 2, 3, 4, 5, 6], 3] = 0.5, 0.75, 0.5, 0.25, 0.5, 0.125
    found.append((exact, 1, 0.5, 0.25))
    found.append((np.vstack([np.full((1, 7), [0, 0, 0, 0, 0.9, 0, 0]), _scene(rng)]), 5, 0.65, 0.3))
    return [*found, (_overlap(rng), 2, 0.5, 0.2)]


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


def _overlap(rng):
    """Return probabilities, float64 (n, 7), in which one class reaches 0.5 while the one before it stays above 0.2."""
    a, b = rng.permutation(7)[:2]
    shares = np.zeros((16, 7))
    for start, (of_a, of_b) in ((2, (0.8, 0.1)), (6, (0.3, 0.6)), (10, (0.6, 0.3))):
        shares[start : start + 4, [a, b]] = [of_a, of_b] + rng.uniform(-0.03, 0.03, (4, 2))
    return shares


def not_smoothed(shares, k, on, off):
    return _decide(shares, k, on, off, mean=lambda shares, row, k: shares[row])


def always_divided_by_k(shares, k, on, off):
    return _decide(
        shares, k, on, off, mean=lambda shares, row, k: shares[max(0, row - k + 1) : row + 1].sum(axis=0) / k
    )


def centred(shares, k, on, off):
    return _decide(
        shares,
        k,
        on,
        off,
        mean=lambda shares, row, k: shares[max(0, row - k // 2) : row + k - k // 2].mean(axis=0),
    )


def future(shares, k, on, off):
    return _decide(shares, k, on, off, mean=lambda shares, row, k: shares[row : row + k].mean(axis=0))


def one_row_more(shares, k, on, off):
    return _decide(shares, k + 1, on, off)


def all_rows_so_far(shares, k, on, off):
    return _decide(shares, len(shares), on, off)


def above_on(shares, k, on, off):
    return _decide(shares, k, np.nextafter(on, 1), off)


def off_at_off(shares, k, on, off):
    return _decide(shares, k, on, np.nextafter(off, 1))


def one_threshold(shares, k, on, off):
    return _decide(shares, k, on, on)


def thresholds_exchanged(shares, k, on, off):
    return _decide(shares, k, off, on)


def each_row(shares, k, on, off):
    known, answer, rows = dict(decide(shares, k, on, off)), -1, []
    for row in range(len(shares)):
        answer = known.get(row, answer)
        rows.append((row, answer))
    return rows


def start_too(shares, k, on, off):
    messages = decide(shares, k, on, off)
    return messages if messages[:1] and messages[0][0] == 0 else [(0, -1), *messages]


def only_on(shares, k, on, off):
    return [message for message in decide(shares, k, on, off) if message[1] >= 0]


def never_off(shares, k, on, off):
    return _decide(shares, k, on, -1.0)


def rows_from_one(shares, k, on, off):
    return [(row + 1, now) for row, now in decide(shares, k, on, off)]


def _holds_on(mean, answer, on, off):
    return answer if answer >= 0 and mean[answer] >= off else next_answer(mean, answer, on, off)


def _goes_off_first(mean, answer, on, off):
    if answer >= 0:
        return -1 if mean[answer] < off else answer
    return next_answer(mean, answer, on, off)


def waits(shares, k, on, off):
    return _decide(shares, k, on, off, rule=_holds_on)


def waits_and_goes_off_first(shares, k, on, off):
    return _decide(shares, k, on, off, rule=_goes_off_first)


def answers_only(shares, k, on, off):
    return [now for _, now in decide(shares, k, on, off)]


WAITS = "another class that reaches `on` takes over at once. Do not wait until the old one is below `off`."

EXERCISE = Exercise(
    points=3,
    tests="decide(shares, k, on, off) on rest, twitches, a doubtful exercise and a change of exercise",
    why="a user who gets a message at every twitch switches the device off.",
    cases=cases,
    right=decide,
    mistakes=[
        KnownMistake("the probabilities are not smoothed: take the mean of the last `k` rows.", not_smoothed),
        KnownMistake(
            "at the beginning you divide by `k`, and there are fewer rows yet. Take the mean of those that exist.",
            always_divided_by_k,
        ),
        KnownMistake(
            "your mean looks into the future: at a row, only this row and those before it are known.",
            centred,
        ),
        KnownMistake(
            "your mean begins at this row and looks into the future. Take this row and those before it.", future
        ),
        KnownMistake("your mean has one row too many: this row belongs to the `k`.", one_row_more),
        KnownMistake(
            "you take the mean of all rows so far. An old exercise must be forgotten: take the last `k`.",
            all_rows_so_far,
        ),
        KnownMistake("`on` means at least: a class comes on when its mean is `on` or more.", above_on),
        KnownMistake("a class goes off below `off`. At `off` itself it stays.", off_at_off),
        KnownMistake(
            "you use only one threshold. A class that is on stays until its mean falls below `off`.", one_threshold
        ),
        KnownMistake("the two thresholds are exchanged.", thresholds_exchanged),
        KnownMistake("there is a message for each row. Send one only when the answer changes.", each_row),
        KnownMistake(
            "the first message says -1, and that is where it starts. Send one only when the answer changes.", start_too
        ),
        KnownMistake("the end of an exercise is a change too: send -1 when the class goes off.", only_on),
        KnownMistake("a class never goes off. When its mean falls below `off`, the answer is -1.", never_off),
        KnownMistake("rows are counted from 0.", rows_from_one),
        KnownMistake(WAITS, waits),
        KnownMistake(WAITS, waits_and_goes_off_first),
        KnownMistake("the number of the row is missing: a message is (row, answer).", answers_only),
    ],
)
