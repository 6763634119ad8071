"""Lab 9, to_c_array: a model as a C array, read back as a compiler reads it."""

import re

import numpy as np

from tflite_course.labs.exercise import Exercise, KnownMistake, Mistake, describe, require_function, require_returned

ALIGNAS = "`alignas(16)` is missing: the reader of the FlatBuffer expects an address that divides by 16."
NOT_CONST = "`const` is missing before the array: the start-up code would copy the model from flash into RAM."
TYPE = "the type must be `unsigned char`: bytes go up to 255, and a plain or signed char may end at 127."
SEMICOLON = "a semicolon is missing after the closing brace: C does not compile that."
OCTAL = "a number that begins with 0 is octal in C: 010 is eight. Write 0x0a, or 10 without the zero."
LENGTH_NOT_CONST = "`const` is missing before the length: it would take RAM too."
BYTES = "these are bytes. Text (str) is needed, which a C compiler reads."


def judge(answer, rng):
    from tflite_course.models import model_path

    require_function(answer)
    cases = [(rng.integers(0, 256, count).astype(np.uint8).tobytes(), "model") for count in (24, 1, 12, 13, 25)]
    cases += [(bytes(range(256)), "digits"), (model_path("mnist_nano", "int8").read_bytes(), "mnist_nano")]
    for content, name in cases:
        text = require_returned(answer(content, name))
        if type(text) is bytes:
            raise Mistake(BYTES)
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
        raise Mistake(ALIGNAS)
    if not re.search(r"\bconst\b", words):
        raise Mistake(NOT_CONST)
    if not re.search(r"\bunsigned\s+char\b|\buint8_t\b", words):
        raise Mistake(TYPE)
    if end is None:
        raise Mistake(SEMICOLON)
    if size and int(size) != len(content):
        raise Mistake(f"the array has {size} places for {len(content)} bytes. Leave the brackets empty.")
    _check_numbers([token.strip() for token in body.split(",")], content)


def _check_numbers(tokens, content):
    if tokens and not tokens[-1]:
        tokens.pop()  # C allows a comma at the end
    if [int(token) for token in tokens if token.isdecimal()] == list(content) and any(
        re.fullmatch(r"0\d+", token) and _c_number(token) != int(token) for token in tokens
    ):
        raise Mistake(OCTAL)
    found = [_c_number(token) for token in tokens]
    if None in found:
        token = " ".join(tokens[found.index(None)].split())
        if " " in token:
            raise Mistake(f"a comma is missing in `{token[:30]}`: also at the end of a row.")
        raise Mistake(f"`{token[:30]}` is not a number in C. Write a byte as 0x1c, for example.")
    if len(found) != len(content):
        raise Mistake(f"the array has {len(found)} numbers, the content {len(content)} bytes.")
    for k, (number, byte) in enumerate(zip(found, content, strict=True)):
        if number != byte:
            raise Mistake(f"byte {k} is {byte}, your text has `{tokens[k][:10]}` there.")


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
        raise Mistake(LENGTH_NOT_CONST)
    if not re.search(r"\bunsigned\b|\bsize_t\b|\buint32_t\b", words):
        raise Mistake(f"the length must be `const unsigned int {name}_len`.")
    if int(length[1]) != len(content):
        raise Mistake(f"the length is {length[1]}, the content has {len(content)} bytes.")


def to_c_array(content, name, *, number="0x{:02x}".format, array="alignas(16) const unsigned char", end="};"):
    rows = ",\n  ".join(", ".join(map(number, content[i : i + 12])) for i in range(0, len(content), 12))
    return f"{array} {name}[] = {{\n  {rows}\n{end}\nconst unsigned int {name}_len = {len(content)};\n"


def _array(text):
    return lambda content, name: to_c_array(content, name, array=text)


def length_not_const(content, name):
    return to_c_array(content, name).replace("const unsigned int", "unsigned int")


EXERCISE = Exercise(
    points=2,
    tests="to_c_array(content, name) on short and long contents, read back as a C compiler reads them",
    why="one missing word puts the model into RAM, or at an address that cannot be read.",
    judge=judge,
    mistakes=[
        KnownMistake(ALIGNAS, _array("const unsigned char")),
        KnownMistake(NOT_CONST, _array("alignas(16) unsigned char")),
        KnownMistake(TYPE, _array("alignas(16) const char")),
        KnownMistake(TYPE, _array("alignas(16) const int8_t")),
        KnownMistake(SEMICOLON, lambda content, name: to_c_array(content, name, end="}")),
        KnownMistake(OCTAL, lambda content, name: to_c_array(content, name, number="{:03}".format)),
        KnownMistake(LENGTH_NOT_CONST, length_not_const),
        KnownMistake(BYTES, lambda content, name: to_c_array(content, name).encode()),
    ],
)
