"""Lab 7, serve: a loop that goes on after a bad frame, and shows that it lives."""

import numpy as np

from tflite_course.labs.exercise import Exercise, Mistake, describe, require_function, require_returned, same

MANY = 200  # calls of a loop that should have ended
REFUSED, UNSURE = 200, 100  # a frame that the model does not take, and one that it is not sure of


class Endless(BaseException):
    """Ends a loop that does not end; not an Exception, so that no `except Exception` takes it for a bad frame."""


class Camera:
    """A stream, a model, an LED and a watchdog that note in which order they are called."""

    def __init__(self, stream):
        self.stream, self.events, self.calls = list(stream), [], 0

    def note(self, event):
        self.events.append(event)
        self.calls += 1
        if self.calls > MANY:
            raise Endless

    def read(self):
        self.note("read")
        if not self.stream:
            return None
        item = self.stream.pop(0)
        if isinstance(item, BaseException):
            raise item
        return np.full((28, 28), item, np.uint8)

    def infer(self, frame):
        if type(frame) is not np.ndarray:
            raise Mistake(f"`infer` gets {describe(frame)}, not the frame that `read` returned.")
        value = int(frame[0, 0])
        self.note(f"infer {value}")
        if value == REFUSED:
            raise ValueError("the model takes no such frame")
        return None if value == UNSURE else value

    def act(self, decision):
        self.note(f"act {decision}")

    def beat(self):
        self.note("beat")

    def run(self, answer):
        return answer(self.read, self.infer, self.act, self.beat)


def is_bad(item):
    return isinstance(item, Exception) or item == REFUSED


def right_events(stream):
    """Return (events, (answered, bad)) of a right loop."""
    events, answered, bad = [], 0, 0
    for item in stream:
        events.append("read")
        if not isinstance(item, Exception):
            events.append(f"infer {item}")
        if is_bad(item):
            bad += 1
        else:
            events.append(f"act {None if item == UNSURE else item}")
            answered += 1
        events.append("beat")
    return [*events, "read"], (answered, bad)


def streams(rng):
    first, second = (int(v) for v in rng.permutation(np.arange(1, 10))[:2])
    broken = [ValueError("frame_7.pgm is cut short"), ValueError("frame_8.pgm has 64 x 48 pixels")]
    return [
        [first, 0, second],
        [],
        [first, broken[0], 0, REFUSED, UNSURE, broken[1], broken[0], second],
        [broken[0], *rng.integers(1, 10, int(rng.integers(2, 5))).tolist()],
    ]


def judge(answer, rng):
    require_function(answer)
    for stream in streams(rng):
        camera = Camera(stream)
        found = require_returned(_run(camera, answer))
        expected, counts = right_events(stream)
        if camera.events != expected:
            raise Mistake(
                _explain_events(camera.events, expected, stream) or _first_difference(camera.events, expected)
            )
        _compare_counts(found, counts)
    _judge_other_errors(answer, int(rng.integers(1, 10)))


def _run(camera, answer):
    """Return what the answer returns, or raise Mistake."""
    try:
        return camera.run(answer)
    except Endless:
        raise Mistake("your loop does not end. `read` returns None when the stream has ended: return then.") from None
    except ValueError as error:
        if "ambiguous" in str(error):
            raise Mistake("an array is neither true nor false. Ask `frame is None`.") from None
        where = "`infer`" if "no such frame" in str(error) else "`read`"
        raise Mistake(f"a ValueError of {where} ends your loop. Catch it, count it, and go on.") from None


def _compare_counts(found, counts):
    if same(found, counts):
        return
    if same(found, counts[::-1]):
        raise Mistake("the two counts are exchanged: the frames that were answered come first.")
    given = f"{counts[0]} frames were answered and {counts[1]} were bad"
    raise Mistake(f"{given}, you return {describe(found)}, expected {describe(counts)}.")


def _explain_events(events, expected, stream):
    """Return a sentence about a difference between two lists of events that has a known cause, or None."""
    bad = sum(map(is_bad, stream))
    if "beat" not in events:
        return "`beat` is never called: the watchdog would kill the program after a few seconds."
    if stream and not any(event.startswith("infer") for event in events):
        return "every frame counts as bad: an array is neither true nor false. Ask `frame is None`."
    if events[0] == "beat" or (events[-1] == "beat" and events[:-1] == expected):
        where = "before the first frame is read" if events[0] == "beat" else "after the end of the stream"
        return f"`beat` is called {where}. It is the sign that a round is complete."
    rounds = [text.split(",") for text in ",".join(events).split("read,")[1:]]
    if any("beat" in parts[:-2] and any(p.startswith(("act", "infer")) for p in parts) for parts in rounds):
        return "`beat` comes before the round is complete. A program that hangs in `infer` would look alive."
    if bad and events.count("beat") == expected.count("beat") - bad:
        return "no `beat` after a bad frame: after some seconds with a dirty lens the watchdog kills a healthy program."
    if len(_acts(events)) > len(_acts(expected)):
        return "after a bad frame you act once more, on the frame before it. A bad frame ends its round."
    if [e for e in events if e not in ("act 0", "act None")] == [e for e in expected if e not in ("act 0", "act None")]:
        lost = " and ".join(e[4:] for e in ("act 0", "act None") if e in expected and e not in events)
        return f"`act` does not get the decision {lost}. Pass on what `infer` returns, whatever it is."
    if events == expected[: len(events)]:
        return "your loop ends before the stream does. Return only when `read` returns None."
    return None


def _acts(events):
    return [event for event in events if event.startswith("act")]


def _first_difference(events, expected):
    """Return a sentence with the calls before the first one that is another."""
    pairs = enumerate(zip(events, expected, strict=False))
    end = next((k + 1 for k, (event, right) in pairs if event != right), None)
    return f"the calls should be {describe(expected[:end][-6:])}, yours are {describe(events[:end][-6:])}."


def _judge_other_errors(answer, digit):
    """Raise Mistake unless errors other than a ValueError end the program."""
    others = {
        RuntimeError("the driver is gone"): (
            "a RuntimeError of the driver is swallowed. Catch ValueError only: what nobody expected must end the "
            "program, and systemd starts it again."
        ),
        KeyboardInterrupt(): "Ctrl-C is swallowed, nobody can stop your program. Write `except ValueError`.",
    }
    for error, hint in others.items():
        camera = Camera([digit, error, digit])
        try:
            camera.run(answer)
        except BaseException as raised:
            if raised is not error:
                raise
        else:
            raise Mistake(hint)
        if camera.events.count("beat") > 1:
            raise Mistake("`beat` is called while the program ends with an error. That round is not complete.")


EXERCISE = Exercise(
    points=3,
    tests="serve(read, infer, act, beat) on streams with bad frames, an empty stream, and other errors",
    why="this loop runs for months, and nobody looks at it until it stops.",
    judge=judge,
)
