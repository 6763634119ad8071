"""Right answers in different styles, and wrong ones with a part of the hint that must name the mistake (or None)."""

import math

import numpy as np

from tests.labs.answers import EqualsEverything


# --- to_c_array
def array_rows(content, name):
    numbers = [f"0x{byte:02x}" for byte in content]
    rows = ",\n  ".join(", ".join(numbers[i : i + 12]) for i in range(0, len(numbers), 12))
    return (
        f"alignas(16) const unsigned char {name}[] = {{\n  {rows}\n}};\n"
        f"const unsigned int {name}_len = {len(content)};\n"
    )


def array_decimal(content, name):
    body = "".join(f"{byte}," for byte in content)
    length = f"static const unsigned int {name}_len={len(content)};"
    return f"#include <stdalign.h>\n{length}\nstatic const alignas(16) unsigned char {name}[{len(content)}]={{{body}}};"


def array_uint8(content, name):
    lines = ["#include <stdint.h>", f"alignas( 16 ) const uint8_t {name}[] = {{"]
    lines += [f"  {hex(byte).upper().replace('X', 'x')},  // byte {k}" for k, byte in enumerate(content)]
    return "\n".join([*lines, "};", f"const unsigned int {name}_len =", f"    {len(content)};"])


def _replaced(old, new):
    return lambda content, name: array_rows(content, name).replace(old, new)


def _padded(content, name):
    """Write a zero before the numbers that are numbers in octal too."""
    numbers = [f"0{byte}" if not set("89") & set(str(byte)) else str(byte) for byte in content]
    length = f"const unsigned int {name}_len = {len(content)};"
    return f"alignas(16) const unsigned char {name}[] = {{{','.join(numbers)}}}; {length}"


ARRAY_WRONG = {
    "as xxd": (
        lambda c, n: array_rows(c, n).replace("alignas(16) const ", "").replace("const ", ""),
        "`alignas(16)` is missing",
    ),
    "no length": (lambda c, n: array_rows(c, n).split("const unsigned int")[0], "length is missing"),
    "signed length": (_replaced("const unsigned int", "const int"), "the length must be `const unsigned int"),
    "places for one more": (
        lambda c, n: array_rows(c, n).replace(f"{n}[]", f"{n}[{len(c) + 1}]"),
        "Leave the brackets empty",
    ),
    "bits of ASCII only": (lambda c, n: array_rows(bytes(byte & 127 for byte in c), n), "your text has"),
    "length of the text": (
        lambda c, n: array_rows(c, n).replace(f"{n}_len = {len(c)}", f"{n}_len = {len(array_rows(c, n))}"),
        "the content has",
    ),
    "no comma between rows": (_replaced(",\n", "\n"), "comma is missing"),
    "hexadecimal without 0x": (_replaced("0x", ""), "not a number in C"),
    "octal where it is valid": (lambda c, n: _padded(c, n), "octal"),
    "always called model": (lambda c, n: array_rows(c, "model"), "the name that is given"),
    "last row lost": (lambda c, n: array_rows(c[: len(c) // 12 * 12], n), None),
    "signed numbers": (
        lambda c, n: (
            f"alignas(16) const unsigned char {n}[] = {{{', '.join(str(b - 256 if b > 127 else b) for b in c)}}};"
        ),
        None,
    ),
    "hexadecimal digits": (lambda c, n: c.hex(), "no array"),
    "equals everything": (lambda c, n: EqualsEverything(), "text (str)"),
    "untouched": (lambda c, n: None, "returns nothing yet"),
}


# --- arena_bytes
def arena_steps(tensors):
    most = 0
    for step in range(max(last for _, _, last in tensors) + 1):
        most = max(most, sum((size + 15) // 16 * 16 for size, first, last in tensors if first <= step <= last))
    return most


def arena_array(tensors):
    table = np.zeros(1 + max(last for _, _, last in tensors), int)
    for size, first, last in tensors:
        table[first : last + 1] += math.ceil(size / 16) * 16
    return table.max()


def arena_events(tensors):
    """The sum is largest at a step at which some tensor begins."""
    padded = [(size + -size % 16, first, last) for size, first, last in tensors]
    return max(sum(s for s, a, b in padded if a <= first <= b) for _, first, _ in padded)


ARENA_WRONG = {
    "sorts its input": (lambda t: (t.sort(), arena_steps(t))[1], "changes"),
    "largest two": (lambda t: sum(sorted((size + 15) // 16 * 16 for size, _, _ in t)[-2:]), None),
    "list": (lambda t: [arena_steps(t)], None),
    "equals everything": (lambda t: EqualsEverything(), None),
    "untouched": (lambda t: None, "returns nothing yet"),
}


# --- fits
def fits_plain(flash, ram, board):
    units = {"K": 1024, "M": 1024 * 1024}
    room = {name: int(text[:-1]) * units[text[-1]] for name, text in board.items()}
    lacking = []
    if flash > room["flash"]:
        lacking.append(f"{flash - room['flash']} bytes of flash")
    if ram + 1024 > room["ram"]:
        lacking.append(f"{ram + 1024 - room['ram']} bytes of RAM")
    return " and ".join(lacking) + " are lacking" if lacking else "fits"


def _size(text):
    return int(text.replace("K", "")) * 1024 if text.endswith("K") else int(text.rstrip("M")) * 2**20


def fits_branches(flash, ram, board):
    flash_lacks, ram_lacks = flash - _size(board["flash"]), ram - (_size(board["ram"]) - 1024)
    if flash_lacks <= 0 and ram_lacks <= 0:
        return "fits"
    if ram_lacks <= 0:
        return f"{flash_lacks} bytes of flash are lacking"
    if flash_lacks <= 0:
        return f"{ram_lacks} bytes of RAM are lacking"
    return f"{flash_lacks} bytes of flash and {ram_lacks} bytes of RAM are lacking"


def fits_loop(flash, ram, board):
    text = ""
    for name, key, need in (("flash", "flash", flash), ("RAM", "ram", ram + 1024)):
        over = need - _size(board[key])
        if over >= 1:
            text += f" and {over} bytes of {name}"
    return (text + " are lacking")[5:] if text else "fits"


def _fits(room, flash, need):
    lacks = [(flash - room["flash"], "flash"), (need - room["ram"], "RAM")]
    words = [f"{n} bytes of {name}" for n, name in lacks if n > 0]
    return " and ".join(words) + " are lacking" if words else "fits"


FITS_WRONG = {
    "one of two": (
        lambda f, r, b: fits_plain(f, 0, b) if fits_plain(f, 0, b) != "fits" else fits_plain(0, r, b),
        "name the first only",
    ),
    "other words": (lambda f, r, b: fits_plain(f, r, b).replace("bytes", "B"), None),
    "M unknown": (lambda f, r, b: _fits({k: int(v[:-1]) * 1024 for k, v in b.items()}, f, r + 1024), None),
    "equals everything": (lambda f, r, b: EqualsEverything(), None),
    "untouched": (lambda f, r, b: ..., None),
}


# --- multiplier_and_shift
def multiplier_frexp(scale):
    fraction, exponent = math.frexp(scale)
    multiplier = round(fraction * 2**31)
    if multiplier == 2**31:
        return 2**30, -(exponent + 1)
    return multiplier, -exponent


def multiplier_loop(scale):
    right = 0
    while scale < 0.5:
        scale, right = scale * 2, right + 1
    while scale >= 1:
        scale, right = scale / 2, right - 1
    multiplier = int(scale * 2**31 + 0.5)
    return (multiplier // 2, right - 1) if multiplier >= 2**31 else (multiplier, right)


def multiplier_numpy(scale):
    fraction, exponent = np.frexp(np.float64(scale))
    multiplier = np.int64(np.rint(fraction * np.float64(2**31)))
    carry = multiplier >> 31
    return [multiplier >> carry, int(-exponent - carry)]


MULTIPLIER_WRONG = {
    "multiplier of 32 bits": (lambda s: (2 * multiplier_frexp(s)[0], multiplier_frexp(s)[1] + 1), None),
    "the example": (lambda s: (1951633139, 7), None),
    "equals everything": (lambda s: EqualsEverything(), None),
    "untouched": (lambda s: None, "returns nothing yet"),
}


# --- rescale
def rescale_sign(sums, multiplier, right):
    high = (sums.astype(np.int64) * multiplier + 2**30) >> 31
    half = (1 << right) >> 1
    return (np.sign(high) * ((np.abs(high) + half) >> right)).astype(np.int32)


def rescale_kernel(sums, multiplier, right):
    """As kernels.h writes it."""
    product = sums.astype(np.int64) * np.asarray(multiplier, np.int64)
    high, right = (product + (1 << 30)) >> 31, np.asarray(right, np.int64)
    rounded = (high + (1 << np.maximum(right - 1, 0)) - (high < 0)) >> right
    return np.where(right > 0, rounded, high).astype("int32")


def rescale_python(sums, multiplier, right):
    multipliers = np.broadcast_to(multiplier, sums.shape).ravel().tolist()
    rights = np.broadcast_to(right, sums.shape).ravel().tolist()
    found = []
    for total, m, r in zip(sums.ravel().tolist(), multipliers, rights, strict=True):
        high = (total * m + 2**30) // 2**31
        rounded = (abs(high) + 2**r // 2) // 2**r
        found.append(rounded if high >= 0 else -rounded)
    return np.array(found, np.int32).reshape(sums.shape)


def rescale_changes(sums, multiplier, right):
    expected = rescale_sign(sums, multiplier, right)
    sums[:] = expected
    return sums


RESCALE_WRONG = {
    "floor of a float": (lambda s, m, r: np.floor(s * (m / 2**31 / 2.0**r) + 0.5).astype(np.int32), "round once"),
    "changes its input": (rescale_changes, "changes the array"),
    "equals everything": (lambda s, m, r: EqualsEverything(), None),
    "untouched": (lambda s, m, r: None, "returns nothing yet"),
}


# --- fold_bias
def fold_sum(weights, bias, zero_in):
    return (bias - zero_in * weights.sum(axis=1, dtype=np.int32)).astype(np.int32)


def fold_matrix(weights, bias, zero_in):
    return bias + weights.astype(np.int32) @ np.full(weights.shape[1], -zero_in, np.int32)


def fold_python(weights, bias, zero_in):
    return np.array([b - zero_in * sum(row) for b, row in zip(bias.tolist(), weights.tolist(), strict=True)], "i4")


def fold_changes(weights, bias, zero_in):
    bias -= (zero_in * weights.sum(axis=1)).astype(np.int32)
    return bias


FOLD_WRONG = {
    # the same mistake stops with different messages of NumPy
    "columns": (lambda w, b, z: (b - z * w.sum(axis=0)).astype(np.int32), "columns"),
    "columns by a product": (lambda w, b, z: b - (np.full(w.shape[1], z) @ w).astype(np.int32), "columns"),
    "changes its input": (fold_changes, "changes the array"),
    "equals everything": (lambda w, b, z: EqualsEverything(), None),
    "untouched": (lambda w, b, z: None, "returns nothing yet"),
}


# --- dense
def dense_int32(x, weights, bias, multiplier, right, zero_out):
    sums = x.astype(np.int32) @ weights.T.astype(np.int32) + bias
    return np.clip(rescale_sign(sums, multiplier, right) + zero_out, -128, 127).astype(np.int8)


def dense_einsum(x, weights, bias, multiplier, right, zero_out):
    sums = np.einsum("ni,oi->no", x, weights, dtype=np.int64) + bias
    values = rescale_kernel(sums, multiplier, right) + zero_out
    return np.minimum(np.maximum(values, -128), 127).astype(np.int8)


def dense_loop(x, weights, bias, multiplier, right, zero_out):
    found = np.zeros((len(x), len(weights)), np.int8)
    for o, row in enumerate(weights.astype(np.int64)):
        sums = np.array([int((row * given).sum()) + int(bias[o]) for given in x])
        values = rescale_python(sums, int(multiplier[o]), int(right[o])) + zero_out
        found[:, o] = [max(-128, min(127, value)) for value in values.tolist()]
    return found


DENSE_WRONG = {
    "not transposed": (
        lambda x, w, b, m, r, z: np.clip(
            rescale_sign((x.astype(int) @ w.astype(int) + b).astype(np.int32), m, r) + z, -128, 127
        ).astype(np.int8),
        "must be transposed",
    ),
    "square weights transposed twice": (
        lambda x, w, *a: dense_int32(x, w.T if w.shape[0] == w.shape[1] else w, *a),
        None,
    ),
    "equals everything": (lambda *a: EqualsEverything(), None),
    "untouched": (lambda *a: None, "returns nothing yet"),
}


# exercise: ({style: answer}, {mistake: (answer, part of the hint or None)})
ANSWERS = {
    "to_c_array": ({"rows": array_rows, "decimal": array_decimal, "uint8_t": array_uint8}, ARRAY_WRONG),
    "arena_bytes": ({"steps": arena_steps, "array": arena_array, "events": arena_events}, ARENA_WRONG),
    "fits": ({"plain": fits_plain, "branches": fits_branches, "loop": fits_loop}, FITS_WRONG),
    "multiplier_and_shift": (
        {"frexp": multiplier_frexp, "loop": multiplier_loop, "NumPy": multiplier_numpy},
        MULTIPLIER_WRONG,
    ),
    "rescale": ({"sign": rescale_sign, "kernel": rescale_kernel, "Python": rescale_python}, RESCALE_WRONG),
    "fold_bias": ({"sum": fold_sum, "matrix": fold_matrix, "Python": fold_python}, FOLD_WRONG),
    "dense": ({"int32": dense_int32, "einsum": dense_einsum, "loop": dense_loop}, DENSE_WRONG),
}
