"""How much a number that a lesson prints may differ on another processor.

What a lesson converts or trains is not the same in its last digits everywhere. A cell that prints such numbers has the
tag within-N: N is the count of images by which answers may differ. In its output

- a whole number without separator may differ by N, a percentage by N images of 10,000: 99.37% by 0.05 for within-5;
- a number with a decimal point may differ by one in its last digit;
- a size after compression, written with kB, by 2 percent;
- everything else must be equal: words, the order, numbers with a separator (bytes, parameters).

A cell that looks at fewer images needs a larger N: one of 2,000 is worth 0.05 points, five of 10,000.
Cells without the tag are compared exactly.
"""

import copy
import re

TAG = re.compile(r"within-(\d+)")
NUMBER = re.compile(r"(?<![\w.,])-?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?(?![\w])(?: ?%| kB)?")
COMPRESSED = 0.02  # of its size
HUNDREDTHS = 0.01  # points of accuracy that one of 10,000 images is worth


def images_of(tags):
    """Return N of the tag within-N among a cell's tags, None without one."""
    found = [int(match[1]) for tag in tags if (match := TAG.fullmatch(tag))]
    return found[0] if found else None


def agree(new, stored, images):
    """Is the number `new`, as text, within the tolerance of the number `stored`?"""
    if new == stored:
        return True
    units = [re.sub(r"[^%kB]", "", text) for text in (new, stored)]
    a, b = (re.sub(r" ?(%|kB)$", "", text) for text in (new, stored))
    if units[0] != units[1]:
        return False
    difference = abs(float(a.replace(",", "")) - float(b.replace(",", "")))
    if units[0] == "kB":
        return difference <= COMPRESSED * float(b.replace(",", "")) + 0.51 * _last_digit(b)
    if "," in a + b or "e" in a + b:
        return False
    if units[0] == "%":
        return difference <= images * HUNDREDTHS + 0.51 * _last_digit(b)
    return difference <= (1.01 * _last_digit(b) if "." in b else images)


def _last_digit(text):
    """Return the weight of the last digit of a number: 0.01 for "3.14"."""
    return 10.0 ** -len(text.partition(".")[2])


def accept_text(new, stored, images):
    """Return the stored text if the new one differs only within the tolerance, the new one otherwise."""
    words = [NUMBER.sub("#", text).split() for text in (new, stored)]
    numbers = [NUMBER.findall(text) for text in (new, stored)]
    if words[0] != words[1] or len(numbers[0]) != len(numbers[1]):
        return new
    return stored if all(agree(a, b, images) for a, b in zip(*numbers, strict=True)) else new


def accept(new, stored, tags, sanitize=str):
    """Return the new outputs of a cell with the stored text in each place that agrees within the cell's tolerance.

    new, stored: lists of outputs as nbformat has them, streams joined. tags: of the cell. sanitize: masks in a text
    what is never compared, such as times.
    """
    images = images_of(tags)
    if images is None:
        return new
    accepted, before, seen = copy.deepcopy(list(new)), _by_key(stored), {}
    now = _by_key(accepted)
    for holder, key, text in _texts(accepted):
        place = seen[key] = seen.get(key, -1) + 1
        if len(before.get(key, [])) != len(now[key]):  # an output more or less: nothing is excused
            continue
        old = before[key][place]
        if accept_text(sanitize(text), sanitize(old), images) != sanitize(text):
            holder[key] = old
    return accepted


def _by_key(outputs):
    """Return {key: its texts in order} of the outputs of a cell."""
    found = {}
    for _, key, text in _texts(outputs):
        found.setdefault(key, []).append(text)
    return found


def _texts(outputs):
    """Return [(dict, key, text)] of the texts in a cell's outputs: streams and displayed text."""
    found = [(o, "text", o["text"]) for o in outputs if o.get("output_type") == "stream" and o["name"] == "stdout"]
    for output in outputs:
        data = output.get("data", {})
        found += [(data, kind, data[kind]) for kind in data if kind.startswith("text/") and isinstance(data[kind], str)]
    return found
