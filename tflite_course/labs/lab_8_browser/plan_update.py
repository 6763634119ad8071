"""Lab 8, plan_update: what a page loads anew, and what it drops."""

import hashlib

from tflite_course.labs.exercise import (
    Exercise,
    KnownMistake,
    Mistake,
    compare_function,
    describe,
    require_function,
    same,
)
from tflite_course.labs.lab_8_browser.common import first_wrong, make_page


def plan_update(kept, page):
    return _plan(kept, page)


def digest(content):
    return hashlib.sha256(content).hexdigest()[:12]


def _plan(kept, page, *, digest=digest, choose=lambda name, value, kept: kept.get(name) != value):
    """Return (manifest, load, drop); the options are the mistakes that people make."""
    manifest = {name: digest(content) for name, content in page.items()}
    load = sorted(name for name, value in manifest.items() if choose(name, value, kept))
    return manifest, load, sorted(set(kept) - set(manifest))


def cases(rng):
    found = []
    for _ in range(2):
        page = make_page(rng)
        old = dict(page)
        old["app.js"] = old["app.js"] + b"\n"  # changed since
        old["center.js"] = b"gone since"
        old["models/old.tflite"] = old.pop("models/digits.tflite")  # the same bytes under another name
        old["index.html"] = old["index.html"][::-1]  # as long as before
        page["pad.js"] = rng.bytes(40)
        found.append(({name: digest(content) for name, content in old.items()}, page))
    found.append(({}, make_page(rng)))
    return [*found, ({name: digest(content) for name, content in found[-1][1].items()}, found[-1][1])]


def new_names_only(kept, page):
    return _plan(kept, page, choose=lambda name, value, kept: name not in kept)


def everything(kept, page):
    return _plan(kept, page, choose=lambda name, value, kept: True)


def under_any_name(kept, page):
    return _plan(kept, page, choose=lambda name, value, kept: value not in kept.values())


def changed_only(kept, page):
    return _plan(kept, page, choose=lambda name, value, kept: name in kept and kept[name] != value)


def unchanged(kept, page):
    return _plan(kept, page, choose=lambda name, value, kept: kept.get(name) == value)


def changed_dropped(kept, page):
    manifest, load, drop = plan_update(kept, page)
    return manifest, load, sorted(set(drop) | (set(load) & set(kept)))


def whole_digest(kept, page):
    return _plan(kept, page, digest=lambda content: hashlib.sha256(content).hexdigest())


def md5(kept, page):
    return _plan(kept, page, digest=lambda content: hashlib.md5(content, usedforsecurity=False).hexdigest()[:12])


def sha1(kept, page):
    return _plan(kept, page, digest=lambda content: hashlib.sha1(content, usedforsecurity=False).hexdigest()[:12])


def length(kept, page):
    return _plan(kept, page, digest=len)


def hashed_names(kept, page):
    return plan_update(kept, {name: name.encode() for name in page})


def exchanged(kept, page):
    manifest, load, drop = plan_update(kept, page)
    return manifest, drop, load


def old_manifest(kept, page):
    return (kept, *plan_update(kept, page)[1:])


def nothing_dropped(kept, page):
    return (*plan_update(kept, page)[:2], [])


ANOTHER_HASH = "this is another hash. Use SHA-256: `hashlib.sha256`."

MISTAKES = [
    KnownMistake(
        "a file whose content changed must be loaded again, though its name is known: compare the digests.",
        new_names_only,
    ),
    KnownMistake("you load everything. Leave out what is kept with the same digest.", everything),
    KnownMistake(
        "you look for a digest under any name. A page asks for a file by its name: compare name by name.",
        under_any_name,
    ),
    KnownMistake("a new file must be loaded too, not only a changed one.", changed_only),
    KnownMistake("you load what has not changed. It is the other way round.", unchanged),
    KnownMistake(
        "a file that changed is loaded, not dropped: drop the names that the new page does not have.", changed_dropped
    ),
    KnownMistake("the digest is too long: take its first twelve characters.", whole_digest),
    KnownMistake(ANOTHER_HASH, md5),
    KnownMistake(ANOTHER_HASH, sha1),
    KnownMistake("the length is not a digest: a file can change and keep its length.", length),
    KnownMistake("you hash the name. The content decides whether a file has changed.", hashed_names),
    KnownMistake("load and drop are exchanged: what to load comes before what to drop.", exchanged),
    KnownMistake("the manifest is that of the old page. Return the one of the new page.", old_manifest),
    KnownMistake("nothing is dropped. Names that the new page does not have any more must go.", nothing_dropped),
]


def judge(answer, rng):
    tried = cases(rng)
    _require_unchanged(answer, tried)
    try:
        compare_function(answer, plan_update, tried, MISTAKES)
    except Mistake as mistake:
        wrong = first_wrong(answer, plan_update, tried)
        if wrong and wrong[1] is not None and str(mistake) not in dict(MISTAKES):
            _name_the_part(*wrong[1:])
        raise


def _require_unchanged(answer, tried):
    require_function(answer)
    for kept, page in tried:
        given = dict(kept), dict(page)
        try:
            answer(*given)
        except Exception:  # compare_function says which
            return
        if given != (kept, page):
            raise Mistake("your function changes the dict that it is given. Make a new one.")


def _name_the_part(found, expected):
    """Raise Mistake that says which of the three parts of a plan is another one."""
    if type(found) not in (tuple, list) or len(found) != 3:
        raise Mistake(f"three things are expected, manifest, load and drop, this is {describe(found)}.") from None
    for name, value, right in zip(("manifest", "load", "drop"), found, expected, strict=True):
        if same(value, right):
            continue
        if type(value) is list and sorted(map(str, value)) == right:
            raise Mistake(f"{name} has the right names in another order: sort them.") from None
        raise Mistake(f"{name} is {describe(value)}, expected {describe(right)}.") from None


EXERCISE = Exercise(
    points=3,
    tests="plan_update(kept, page): new, changed, moved and missing files, a first visit, and no change at all",
    why="a page that loads too much wastes a phone's data, and one that loads too little shows an old model.",
    judge=judge,
    mistakes=MISTAKES,
)
