"""The exercises of lab 9: a model in C, the memory of a board, and integer arithmetic that is right to the last bit."""

import functools
import math
import re

import numpy as np

from tflite_course.labs.exercise import (
    Exercise,
    Mistake,
    compare_function,
    describe,
    require_function,
    require_returned,
)

ALIGN, STACK = 16, 1024  # bytes: what a tensor's place is a multiple of, and what the stack must have


# --- to_c_array
def judge_to_c_array(answer, rng):
    from tflite_course.models import model_path

    require_function(answer)
    cases = [(rng.integers(0, 256, count).astype(np.uint8).tobytes(), "model") for count in (24, 1, 12, 13, 25)]
    cases += [(bytes(range(256)), "digits"), (model_path("mnist_nano", "int8").read_bytes(), "mnist_nano")]
    for content, name in cases:
        text = require_returned(answer(content, name))
        if type(text) is bytes:
            raise Mistake("these are bytes. Asked is text (str), which a C compiler reads.")
        if type(text) is not str:
            raise Mistake(f"text (str) is expected, this is {describe(text)}.")
        text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)  # a compiler skips comments
        _check_array(text, content, name)
        _check_length(text, content, name)


def _words_before(text, match):
    """Return what stands between the statement before a match and the match."""
    return re.split(r"[;}]", text[: match.start()])[-1]


def _check_array(text, content, name):
    declared = re.search(rf"\b{name}\s*\[\s*(\d*)\s*\]\s*=\s*\{{([^}}]*)\}}(\s*;)?", text)
    if declared is None:
        raise Mistake(f"there is no array `{name}[] = {{ ... }}` in the text: it needs the name that is given.")
    words, (size, body, end) = _words_before(text, declared), declared.groups()
    if "alignas(16)" not in words.replace(" ", ""):
        raise Mistake("`alignas(16)` is missing: the reader of the FlatBuffer expects an address that divides by 16.")
    if not re.search(r"\bconst\b", words):
        raise Mistake(
            "`const` is missing before the array: the start-up code would copy the model from flash into RAM."
        )
    if not re.search(r"\bunsigned\s+char\b|\buint8_t\b", words):
        raise Mistake(
            "the type must be `unsigned char`: bytes go up to 255, and a plain or signed char may end at 127."
        )
    if end is None:
        raise Mistake("a semicolon is missing after the closing brace: C does not compile that.")
    if size and int(size) != len(content):
        raise Mistake(f"the array has {size} places for {len(content)} bytes. Leave the brackets empty.")
    tokens = [token.strip() for token in body.split(",")]
    if tokens and not tokens[-1]:
        tokens.pop()  # C allows a comma at the end
    if [int(token) for token in tokens if token.isdecimal()] == list(content) and any(
        re.fullmatch(r"0\d+", token) and _c_number(token) != int(token) for token in tokens
    ):
        raise Mistake("a number that begins with 0 is octal in C: 010 is eight. Write 0x0a, or 10 without the zero.")
    found = [_c_number(token) for token in tokens]
    if None in found:
        token = " ".join(tokens[found.index(None)].split())
        if " " in token:
            raise Mistake(f"a comma is missing in `{token[:30]}`: also at the end of a row.")
        raise Mistake(f"`{token[:30]}` is no number in C. Write a byte as 0x1c, for example.")
    if found != list(content):
        if len(found) != len(content):
            raise Mistake(f"the array has {len(found)} numbers, the content {len(content)} bytes.")
        k = next(k for k, pair in enumerate(zip(found, content, strict=True)) if pair[0] != pair[1])
        raise Mistake(f"byte {k} is {content[k]}, your text has `{tokens[k][:10]}` there.")


def _c_number(token):
    """Return what a C compiler reads, or None."""
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", token):
        return int(token, 16)
    if re.fullmatch(r"0[0-7]*", token):
        return int(token, 8)
    return int(token) if re.fullmatch(r"[1-9]\d*", token) else None


def _check_length(text, content, name):
    length = re.search(rf"\b{name}_len\s*=\s*(\d+)\s*;", text)
    if length is None:
        raise Mistake(f"the length is missing: `const unsigned int {name}_len = {len(content)};`.")
    words = _words_before(text, length)
    if not re.search(r"\bconst\b", words):
        raise Mistake("`const` is missing before the length: it would take RAM too.")
    if not re.search(r"\bunsigned\b|\bsize_t\b|\buint32_t\b", words):
        raise Mistake(f"the length must be `const unsigned int {name}_len`.")
    if int(length[1]) != len(content):
        raise Mistake(f"the length is {length[1]}, the content has {len(content)} bytes.")


# --- arena_bytes
def _up(size):
    return -(-size // ALIGN) * ALIGN


def _arena(tensors, *, pad=_up, alive=lambda step, first, last: first <= step <= last):
    steps = range(max(last for *_, last in tensors) + 1)
    return max(sum(pad(size) for size, first, last in tensors if alive(step, first, last)) for step in steps)


def judge_arena_bytes(answer, rng):
    def chain(sizes):
        return [(int(size), max(k - 1, 0), min(k, len(sizes) - 2)) for k, size in enumerate(sizes)]

    cases = [(chain([784, 1176, 1568, 392, 539, 11, 10]),), (chain(rng.integers(1, 60, 6) * 16),)]
    for _ in range(4):
        tensors = chain(rng.integers(20, 2000, int(rng.integers(5, 9))))
        size, first, last = tensors[1]
        tensors[1] = (size, first, last + int(rng.integers(1, 4)))  # a shortcut: it is read once more, later
        cases.append((tensors,))
    cases.append(([(100, 0, 0), (33, 0, 3), (40, 1, 1), (65, 1, 3), (17, 2, 3), (1, 3, 3)],))
    cases.append((list(reversed(cases[2][0])),))  # the order of the list says nothing

    def whole(tensors):
        return sum(_up(size) for size, *_ in tensors)

    def largest(tensors):
        return max(_up(size) for size, *_ in tensors)

    def neighbours(tensors):
        return max(_up(a[0]) + _up(b[0]) for a, b in zip(tensors, tensors[1:], strict=False))

    def padded_sum(tensors):
        return _up(_arena(tensors, pad=lambda size: size))

    def mistake(**options):
        return functools.partial(_arena, **options)

    compare_function(
        answer,
        _arena,
        cases,
        {
            "you add up all tensors. Those that are not alive at the same step share their places.": whole,
            "this is the largest tensor alone. What is alive at the same step must fit together.": largest,
            "you look at neighbours in the list only. A tensor may stay alive over several steps.": neighbours,
            "the padding is missing: each tensor takes a multiple of 16 bytes.": mistake(pad=lambda size: size),
            "you round the sum up. Each tensor begins at a multiple of 16, so round each size.": padded_sum,
            "a size that is a multiple of 16 already stays as it is. You add 16 more.": mistake(
                pad=lambda size: (size // ALIGN + 1) * ALIGN
            ),
            "you round the sizes down to a multiple of 16. Round them up.": mistake(
                pad=lambda size: size // ALIGN * ALIGN
            ),
            # leaving the first step out gives the same sums, one step later
            "a tensor is alive at its first step and at its last: both count.": mistake(
                alive=lambda step, first, last: first <= step < last
            ),
            "bytes are a whole number (int).": lambda tensors: float(_arena(tensors)),
        },
    )


# --- fits
def _bytes(text, kilo=1024):
    return int(text[:-1]) * kilo ** {"K": 1, "M": 2}[text[-1]]


def _fits(flash, ram, board, *, kilo=1024, stack=STACK, least=1, parts=("flash", "RAM")):
    lacks = {
        "flash": flash - _bytes(board["flash"], kilo),
        "RAM": ram + stack - _bytes(board["ram"], kilo),
    }
    words = [f"{lacks[part]} bytes of {part}" for part in parts if lacks[part] >= least]
    return " and ".join(words) + " are lacking" if words else "fits"


def judge_fits(answer, rng):
    boards = [{"flash": "256K", "ram": "16K"}, {"flash": "4M", "ram": "4M"}, {"flash": "32K", "ram": "2K"}]
    boards.append({"flash": "1M", "ram": f"{int(rng.integers(3, 300))}K"})
    cases = []
    for board in boards:
        flash, ram = _bytes(board["flash"]), _bytes(board["ram"]) - STACK
        few, many = (int(v) for v in rng.integers(2, 900, 2))
        cases += [
            (flash, ram, board),
            (flash - few, ram - few, board),
            (flash, ram + 1, board),
            (flash + 1, ram, board),
        ]
        cases += [(flash - few, ram + many, board), (flash + many, ram - few, board), (flash + few, ram + many, board)]

    def first_only(flash, ram, board):
        return _fits(flash, ram, board).replace(" and ", " are lacking|").split("|")[0]

    def in_order(flash, ram, board):
        return _fits(flash, ram, board, parts=("RAM", "flash"))

    def boolean(flash, ram, board):
        return _fits(flash, ram, board) == "fits"

    compare_function(
        answer,
        _fits,
        cases,
        {
            "K is 1024 in a linker script, and M is 1024 * 1024.": functools.partial(_fits, kilo=1000),
            "the stack is forgotten: 1,024 bytes of RAM must stay free for it.": functools.partial(_fits, stack=0),
            "what fills the memory to the last byte still fits.": functools.partial(_fits, least=0),
            "flash and RAM are both lacking, and you name the first only.": first_only,
            "name flash first, then RAM.": in_order,
            "the sentence is expected, not True or False: who builds wants to know how much is lacking.": boolean,
        },
    )


# --- multiplier_and_shift
def _multiplier(scale, *, whole=lambda value: math.floor(value + 0.5), carry=True, sign=-1, halve=True):
    fraction, exponent = math.frexp(scale)
    multiplier = whole(fraction * 2**31)
    if multiplier == 2**31 and carry:
        multiplier, exponent = 2**30, exponent + int(halve)
    return multiplier, sign * exponent


def judge_multiplier_and_shift(answer, rng):
    scales = [0.0071, 0.5, 0.25, 1.0, 5.3]
    scales += [0.5 - 2.0**-36, 2.0 ** -int(rng.integers(3, 9)) - 2.0**-45]  # these round up to a power of two
    while len(scales) < 20:
        scale = float(np.exp(rng.uniform(np.log(1e-5), np.log(3))))
        if abs(math.frexp(scale)[0] * 2**31 % 1 - 0.5) > 1e-3:  # a half may go both ways
            scales.append(scale)

    def float32(scale):
        fraction, exponent = math.frexp(scale)
        return int(np.float32(fraction) * np.float32(2**31)), -exponent

    def half_range(scale):
        multiplier, right = _multiplier(scale)
        return multiplier // 2, right - 1

    def not_normal(scale):
        return math.floor(scale * 2**31 + 0.5), 0

    def reals(scale):
        fraction, exponent = math.frexp(scale)
        return fraction, -exponent

    def as_float(scale):
        multiplier, right = _multiplier(scale)
        return float(multiplier), right

    compare_function(
        answer,
        _multiplier,
        [(scale,) for scale in scales],
        {
            "2**31 does not fit into int32. When rounding gives it, take 2**30 and one shift less.": functools.partial(
                _multiplier, carry=False
            ),
            "after the halving to 2**30 the shift must change too: one less to the right.": functools.partial(
                _multiplier, halve=False
            ),
            "you cut the fraction off. Round to the nearest whole number.": functools.partial(_multiplier, whole=int),
            "the sign of the shift is wrong: `frexp` gives an exponent of 2, asked is a shift to the right.": (
                functools.partial(_multiplier, sign=1)
            ),
            "float32 has 24 bits, the multiplier 31. Compute in Python's floats.": float32,
            "the multiplier lies between 2**30 and 2**31, yours is half: take the fraction times 2**31.": half_range,
            "without a shift small scales lose their digits. `math.frexp` splits the scale.": not_normal,
            "the fraction is still a float. Multiply by 2**31 and round.": reals,
            "the multiplier must be a whole number (int).": as_float,
            "the order is (multiplier, right).": lambda scale: _multiplier(scale)[::-1],
        },
    )


# --- rescale
def _high(sums, multiplier):
    return (sums.astype(np.int64) * multiplier + 2**30) >> 31


def _away(high, right):
    """Divide by 2**right, rounded to the nearest, halves away from zero."""
    right = np.asarray(right, np.int64)
    return np.sign(high) * ((np.abs(high) + ((1 << right) >> 1)) >> right)


def _rescale(sums, multiplier, right):
    return _away(_high(sums, multiplier), right).astype(np.int32)


def judge_rescale(answer, rng):
    cases = []
    for shape in ((50,), (8, 10)):
        multiplier = rng.integers(2**30, 2**31, shape[-1:])
        right = rng.integers(1, 12, shape[-1:])
        cases.append((rng.integers(-40_000, 40_000, shape).astype(np.int32), multiplier, right))
    small = np.arange(-40, 41, dtype=np.int32)
    cases.append((small, 2**30, 3))  # 2**30 is 0.5: each odd sum ends in a half
    cases.append((small, int(rng.integers(2**30, 2**31)), 0))
    cases.append((small * 1000, int(rng.integers(2**30, 2**31)), 4))
    cases.append((np.arange(-300, 301, dtype=np.int32), 2**31 - 1, 2))
    cases.append((rng.integers(-(2**31), 2**31, 60).astype(np.int32), int(rng.integers(2**30, 2**31)), 14))

    def wide(change):
        return lambda sums, multiplier, right: change(
            sums.astype(np.int64), np.asarray(multiplier, np.int64), np.asarray(right, np.int64)
        ).astype(np.int32)

    def once_up(sums, multiplier, right):
        return (sums * multiplier + (1 << (30 + right))) >> (31 + right)

    def once_real(sums, multiplier, right):
        return np.round(sums * (multiplier / 2**31 / 2.0**right))

    def narrow(sums, multiplier, right):
        return _away((sums * multiplier + 2**30) >> 31, right).astype(np.int32)  # NumPy keeps int32 for a Python int

    def all_narrow(sums, multiplier, right):
        return narrow(sums, np.asarray(multiplier).astype(np.int32), right)

    def widened_late(sums, multiplier, right):
        return _away(((sums * multiplier).astype(np.int64) + 2**30) >> 31, right).astype(np.int32)

    def up_only(sums, multiplier, right):
        return (_high(sums, multiplier) + ((1 << right) >> 1)) >> right

    def first_away(sums, multiplier, right):
        product = sums * multiplier
        return _away(np.sign(product) * ((np.abs(product) + 2**30) >> 31), right)

    def zero_shift(sums, multiplier, right):
        high = _high(sums, multiplier)
        return (high + ((1 << right) >> 1) - (high < 0)) >> right

    once = "you round once. TFLM rounds the division by 2**31, and then the division by 2**right again."
    overflow = "the product of two int32 numbers needs int64. Widen the sums before you multiply."
    compare_function(
        answer,
        _rescale,
        cases,
        {
            overflow: narrow,
            overflow + " ": all_narrow,
            overflow + "  ": widened_late,
            once: wide(once_up),
            once + " And it uses integers only: floats are not exact here.": wide(once_real),
            "you cut off where you divide by 2**31. Add half of it first: 2**30.": wide(
                lambda sums, multiplier, right: _away((sums * multiplier) >> 31, right)
            ),
            "you cut off in the second step. Add half of 2**right first, and mind the sign.": wide(
                lambda sums, multiplier, right: _high(sums, multiplier) >> right
            ),
            "you cut off in both steps. Add half of the divisor before each shift.": wide(
                lambda sums, multiplier, right: ((sums * multiplier) >> 31) >> right
            ),
            "in the second step a half goes away from zero: -2.5 becomes -3. Yours goes up, to -2.": wide(up_only),
            "in the first step a half goes up: -2.5 becomes -2. Yours goes away from zero.": wide(first_away),
            "with right = 0 there is no second step. For negative numbers you subtract 1 all the same.": wide(
                zero_shift
            ),
            "the shift by `right` is missing.": wide(lambda sums, multiplier, right: _high(sums, multiplier)),
            "the values are right and the dtype is not: end with `.astype(np.int32)`.": (
                lambda *arguments: _rescale(*arguments).astype(np.int64)
            ),
        },
    )


# --- fold_bias
NO_FIT = "ValueError: the shapes do not fit"


def _name_shapes(answer):
    """Return the answer so that NumPy's error about shapes is a value, which compare_function can compare."""
    require_function(answer)

    def named(*arguments):
        try:
            return answer(*arguments)
        except ValueError as error:
            if "broadcast" in str(error) or "matmul" in str(error):
                return NO_FIT
            raise

    return named


def _fold(weights, bias, zero_in):
    return (bias - zero_in * weights.sum(axis=1, dtype=np.int64)).astype(np.int32)


def judge_fold_bias(answer, rng):
    cases = []
    for shape, zero_in in (((4, 30), -128), ((6, 6), -128), ((10, 16), int(rng.integers(-100, 100))), ((3, 50), 7)):
        weights = rng.integers(-127, 128, shape).astype(np.int8)
        weights[0] = 127 - np.arange(shape[1]) % 3  # its sum leaves int8 by far
        cases.append((weights, rng.integers(-5000, 5000, shape[0]).astype(np.int32), zero_in))

    def narrow_sum(weights, bias, zero_in):
        return (bias - zero_in * weights.sum(axis=1, dtype=np.int8).astype(np.int64)).astype(np.int32)

    def narrow_product(weights, bias, zero_in):
        return (bias - (weights * np.int8(zero_in)).sum(axis=1)).astype(np.int32)

    def columns(weights, bias, zero_in):
        return _fold(weights.T, bias, zero_in) if weights.shape[0] == weights.shape[1] else NO_FIT

    compare_function(
        _name_shapes(answer),
        _fold,
        cases,
        {
            "the sign is wrong: the kernel multiplies x, and it should multiply x - zero_in.": (
                lambda weights, bias, zero_in: _fold(weights, bias, -zero_in)
            ),
            "the sum of int8 weights wraps around. Add up in int32 or more.": narrow_sum,
            "int8 times int8 stays int8 and wraps around. Add up the weights first, in int32, then multiply.": (
                narrow_product
            ),
            "the zero point is missing: it multiplies the sum of the weights.": (
                lambda weights, bias, zero_in: _fold(weights, bias, 1)
            ),
            "you add up all weights. Each output has a row of its own: `axis=1`.": (
                lambda weights, bias, zero_in: (bias - zero_in * int(weights.sum(dtype=np.int64))).astype(np.int32)
            ),
            "you add up the columns. Each output has a row of weights: `axis=1`.": columns,
            "the bias is missing: subtract from it.": (
                lambda weights, bias, zero_in: _fold(weights, np.zeros_like(bias), zero_in)
            ),
            "the values are right and the dtype is not: a bias is int32.": (
                lambda *arguments: _fold(*arguments).astype(np.int64)
            ),
        },
    )


# --- dense
def _dense(
    x,
    weights,
    bias,
    multiplier,
    right,
    zero_out,
    *,
    rescale=_rescale,
    narrow=None,
    low=-128,
    clip_first=False,
    wrap=False,
    offset=1,
    with_bias=1,
):
    """Return a dense layer's int8 output; the options are the mistakes that people make."""
    if narrow is None:
        sums = x.astype(np.int64) @ weights.T.astype(np.int64)
    else:
        sums = (x @ weights.T if narrow is np.int8 else x.astype(narrow) @ weights.T.astype(narrow)).astype(np.int64)
    values = rescale((sums + with_bias * bias).astype(np.int32), multiplier, right).astype(np.int64)
    if clip_first:
        values = np.clip(values, -128, 127)
    values = values + offset * zero_out
    return (values if wrap or clip_first else np.clip(values, low, 127)).astype(np.int8)


def _once(sums, multiplier, right):
    return (sums.astype(np.int64) * multiplier + (1 << (30 + right))) >> (31 + right)


def judge_dense(answer, rng):
    cases = []
    for count, inputs, outputs in ((3, 11, 10), (20, 16, 10), (1, 72, 8), (5, 12, 12)):
        x = rng.integers(-128, 128, (count, inputs)).astype(np.int8)
        weights = rng.integers(-127, 128, (outputs, inputs)).astype(np.int8)
        bias = rng.integers(-20_000, 20_000, outputs).astype(np.int32)
        multiplier, right = rng.integers(2**30, 2**31, outputs), rng.integers(7, 10, outputs)
        cases.append((x, weights, bias, multiplier, right, int(rng.integers(20, 60)) * int(rng.choice([-1, 1]))))
    many = rng.integers(-128, 128, (200, 9)).astype(np.int8)  # enough rows for the rare ones that round otherwise
    right = rng.integers(3, 5, 6)
    weights = rng.integers(-3, 4, (6, 9)).astype(np.int8)
    cases.append((many, weights, rng.integers(-900, 900, 6).astype(np.int32), rng.integers(2**30, 2**31, 6), right, -4))

    def mistake(**options):
        return functools.partial(_dense, **options)

    def not_transposed(x, weights, *others):
        return _dense(x, weights.T, *others) if weights.shape[0] == weights.shape[1] else NO_FIT

    def dtype(*arguments):
        return _dense(*arguments).astype(np.int32)

    compare_function(
        _name_shapes(answer),
        _dense,
        cases,
        {
            "int8 times int8 wraps around in NumPy, and so does the sum. Make both int32 before `@`.": mistake(
                narrow=np.int8
            ),
            "int16 is too small for the sum of the products. Use int32, as the kernel does.": mistake(narrow=np.int16),
            "the bias is missing: add it to the sums before you rescale.": mistake(with_bias=0),
            "the zero point of the output is missing: add it after the rescaling.": mistake(offset=0),
            "you subtract the zero point of the output. It is added on the way into int8.": mistake(offset=-1),
            "values outside int8 wrap around. Clip to -128 and 127 before you cast.": mistake(wrap=True),
            "you clip before you add the zero point, so the sum leaves int8. Clip last.": mistake(clip_first=True),
            "you clip at 0, which is no bound here: asked are -128 and 127.": mistake(low=0),
            "your layer rounds once. Use your `rescale`, which rounds twice, as TFLM does.": mistake(rescale=_once),
            "the weights must be turned: `weights.T` has a column for each output.": not_transposed,
            "the values are right and the dtype is not: end with `.astype(np.int8)`.": dtype,
        },
    )


EXERCISES = {
    "to_c_array": Exercise(
        2,
        "to_c_array(content, name) on short and long contents, read back as a C compiler reads them",
        "one missing word puts the model into RAM, or at an address that cannot be read.",
        judge_to_c_array,
    ),
    "arena_bytes": Exercise(
        2,
        "arena_bytes(tensors) on chains of layers, with shortcuts, and in any order",
        "RAM decides which model a chip can run, and this number is the least that it takes.",
        judge_arena_bytes,
    ),
    "fits": Exercise(
        2,
        "fits(flash, ram, board) on four boards, at the last byte and beside it",
        "a build that says how much is lacking is the good case; a stack that grows into the arena says nothing.",
        judge_fits,
    ),
    "multiplier_and_shift": Exercise(
        2,
        "multiplier_and_shift(scale) on small, exact and large scales, and on two that round up to a power of two",
        "a multiplier that leaves int32 becomes negative, and a layer answers nonsense.",
        judge_multiplier_and_shift,
    ),
    "rescale": Exercise(
        3,
        "rescale(sums, multiplier, right) on small and large sums, on halves, and with right = 0",
        "two devices that round in another way differ in the last bit, and then nobody trusts a comparison.",
        judge_rescale,
    ),
    "fold_bias": Exercise(
        2,
        "fold_bias(weights, bias, zero_in) on several shapes and zero points",
        "the kernel then multiplies the bytes as they are, without a subtraction for each of them.",
        judge_fold_bias,
    ),
    "dense": Exercise(
        3,
        "dense(x, weights, bias, multiplier, right, zero_out) on five layers, bit by bit",
        "this is the kernel that runs millions of times a day, and a convolution is the same on each patch.",
        judge_dense,
    ),
}
