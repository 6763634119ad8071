"""Who is who: owners become persons of the roster, or stay who their platform says they are. Nobody is merged.

The names that persons have in the gradebook are kept in students.json of the work folder, so that they never change.
"""

import hashlib
import json
import os
import re
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from tflite_course.errors import CourseError
from tflite_course.grading.inbox import roster as rosters

REGISTRY = "students.json"
RESERVED = {"con", "prn", "aux", "nul", *(f"com{k}" for k in range(1, 10)), *(f"lpt{k}" for k in range(1, 10))}


@dataclass
class Identity:
    """A person, and the units that are theirs."""

    key: str  # never changes: "roster:12", "Canvas:12", "plain:ada"
    id: str
    name: str = ""
    person: object = None  # of the roster
    units: list = field(default_factory=list)  # (unit, owner)
    notes: list = field(default_factory=list)
    student: str = ""  # in the gradebook


def identify(units, roster, labs_of):
    """Return ([Identity], [what is unclear]). labs_of: of a unit, the labs that it has notebooks of.

    A person of the roster is found by a mark (id, login, e-mail), else by a name that only one person of the roster
    has and only one owner claims for a lab.
    """
    notes, found, by_name = [], {}, defaultdict(list)
    for unit in units:
        for owner in unit.owners:
            person, note = _by_marks(owner, roster)
            if person:
                _join(found, f"roster:{person.id}", unit, owner, person)
                if note:
                    found[f"roster:{person.id}"].notes.append(note)
                _compare_names(found[f"roster:{person.id}"], owner)
                continue
            named = roster.by_name(owner.name) if roster and owner.name else []
            if len(named) == 1:
                by_name[named[0].id].append((unit, owner, named[0]))
                continue
            members = roster.of_group(owner.name or owner.id) if roster and not named else []
            for person in members:
                _join(found, f"roster:{person.id}", unit, owner, person)
            if members:
                notes.append(
                    f"{unit.place} was handed in for the group {members[0].group}: it counts for all its people"
                )
                continue
            if len(named) > 1:
                notes.append(
                    f"{unit.place}: {len(named)} people in {roster.file} are called {owner.name}, and {owner.id} is "
                    "none of their ids: it is kept apart; add the id to its row"
                )
            _join(found, f"{owner.platform}:{owner.id or owner.name}", unit, owner, None)
    for claims in by_name.values():
        _settle_names(claims, found, roster, labs_of, notes)
    identities = _split_by_name(list(found.values()), labs_of, notes)
    notes += _moodle_numbers(identities, labs_of) + _look_alikes(identities)
    return identities, notes


def _by_marks(owner, roster):
    if not roster:
        return None, None
    if owner.platform == "Moodle":  # a number of the assignment, not of the person
        marks = owner.others
    elif owner.platform == "Blackboard":
        marks = (*sorted(owner.others, key=len, reverse=True), owner.id)
    else:
        marks = (owner.id, *owner.others)
    for mark in marks:
        person, note = roster.by_mark(mark)
        if person:
            return person, note
    return None, None


def _join(found, key, unit, owner, person):
    identity = found.get(key)
    if identity is None:
        name = person.name if person and person.name else owner.name
        identity = found[key] = Identity(key, person.id if person else owner.id or owner.name, name, person)
    identity.units.append((unit, owner))


def _compare_names(identity, owner):
    name = identity.person.name
    if owner.name and name and owner.platform not in ("plain", "GitHub") and not owner.name.startswith("anonymous "):
        ours, theirs = rosters.spellings(name), rosters.spellings(owner.name)
        if not ours & theirs and not any(a in b or b in a for a in ours for b in theirs):
            identity.notes.append(f"the roster calls {identity.id} {name}, the file {owner.name}")


def _settle_names(claims, found, roster, labs_of, notes):
    """Join the owners who claim one name of the roster, unless two of them have the same lab or another id."""
    person = claims[0][2]
    marks = {(owner.platform, owner.id) for _, owner, _ in claims}
    stable = {mark for mark in marks if mark[0] != "Moodle"}
    seen, clash = {}, len(stable) > 1 and len({platform for platform, _ in stable}) == 1
    for unit, owner, _ in claims:
        for lab in labs_of(unit):
            clash |= seen.setdefault(lab, (owner.platform, owner.id)) != (owner.platform, owner.id)
    taken = found.get(f"roster:{person.id}")
    if taken and any(set(labs_of(unit)) & set(labs_of(mine)) for unit, _, _ in claims for mine, _ in taken.units):
        clash = True
    for unit, owner, _ in claims:
        if clash:
            _join(found, f"{owner.platform}:{owner.id or owner.name}", unit, owner, None)
        else:
            _join(found, f"roster:{person.id}", unit, owner, person)
    if clash:
        who = ", ".join(sorted(unit.place for unit, _, _ in claims))
        notes.append(f"{who}: more than one may be {person.name} of {roster.file}: they are kept apart; add their ids")


def _split_by_name(identities, labs_of, notes):
    """Keep two names apart that share an id and a lab: then the number was not a person's."""
    kept = []
    for identity in identities:
        groups = defaultdict(list)
        for unit, owner in identity.units:
            groups[rosters.fold(owner.name)].append((unit, owner))
        labs = [lab for group in groups.values() for lab in {lab for unit, _ in group for lab in labs_of(unit)}]
        if identity.person or len(groups) < 2 or len(labs) == len(set(labs)):
            kept.append(identity)
            continue
        names = sorted(group[0][1].name for group in groups.values())
        notes.append(f"the id {identity.id} stands beside several names ({', '.join(names)}): they are kept apart")
        for group in groups.values():
            name = group[0][1].name
            kept.append(Identity(f"{identity.key} {name}", f"{identity.id} {name}", name, None, group))
    return kept


def _moodle_numbers(identities, labs_of):
    """Return a sentence for names that have several Moodle numbers: those are of assignments, not of people."""
    by_name, labs = defaultdict(set), defaultdict(list)
    for identity in identities:
        for unit, owner in identity.units:
            if owner.platform == "Moodle" and not identity.person:
                by_name[owner.name].add(identity.id)
                labs[owner.name] += labs_of(unit)
    several = {
        name: sorted(numbers)
        for name, numbers in by_name.items()
        if len(numbers) > 1 and len(labs[name]) == len(set(labs[name]))  # else two of the name handed in one lab
    }
    return [
        f"{name} has the Moodle numbers {', '.join(numbers)}: Moodle numbers anew for each assignment, so they "
        "are kept apart; give class.csv or the grading worksheets to tell who is who"
        for name, numbers in several.items()
    ]


def _look_alikes(identities):
    """Return a sentence for names without a platform's id that may be one person's."""
    by_spelling = defaultdict(dict)
    for identity in identities:
        if not identity.person:
            for spelling in rosters.spellings(identity.name or identity.id):
                by_spelling[spelling][identity.key] = identity
    found = {}
    for alike in by_spelling.values():
        if len(alike) > 1 and any(key.startswith("plain:") for key in alike):
            found[tuple(sorted(alike))] = sorted(f"{i.name or i.id} ({i.key.split(':')[0]})" for i in alike.values())
    return [
        f"{', '.join(names)} may be one person: they are kept apart; class.csv can tell" for names in found.values()
    ]


def safe_name(text):
    """Return text as a name of a folder on every system, Unicode kept."""
    name = re.sub(r"[^\w.@-]+", "-", unicodedata.normalize("NFC", text)).strip("-. ")[:80] or "unnamed"
    return f"{name}-" if name.casefold().split(".")[0] in RESERVED else name


def name_students(identities, work):
    """Give each identity its name in the gradebook: the one it has had, else its id made safe and told apart.

    Who was known by a platform's mark before there was a roster keeps that name. Returns {key: name} of all.
    """
    known = read_json(Path(work) / REGISTRY) if work else {}
    taken = {name.casefold() for name in known.values()}
    marks = Counter(mark for identity in identities for mark in _marks(identity))
    for identity in sorted(identities, key=lambda identity: identity.key):
        before = [mark for mark in _marks(identity) if marks[mark] == 1]  # the mark of a group is nobody's
        if identity.key not in known:
            old = next((known[mark] for mark in before if mark in known), None)
            known[identity.key] = old or _new_name(identity, taken)
            taken.add(known[identity.key].casefold())
        identity.student = known[identity.key]
        if identity.person:
            known.update((mark, identity.student) for mark in before if mark in known)
    return known


def _marks(identity):
    """Return the keys that the owners of an identity's units have without a roster."""
    return sorted({f"{owner.platform}:{owner.id or owner.name}" for _, owner in identity.units})


def _new_name(identity, taken):
    name = safe_name(identity.id)
    if name.casefold() in taken:
        mark = hashlib.sha256(identity.key.encode()).hexdigest()
        name = next(n for k in range(6, 64) if (n := f"{name}-{mark[:k]}").casefold() not in taken)
    return name


def store_names(known, work):
    """Write the names that name_students gave."""
    write_json(Path(work) / REGISTRY, known)


def read_json(path):
    """Return what a file of the work folder holds, {} when there is none. Raises CourseError when it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise CourseError(
            f"{path.name} in the work folder is damaged: restore it from a copy, or delete it and run again."
        )
    return found


def write_json(path, content):
    """Write a file of the work folder whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True), encoding="utf-8")
    os.replace(part, path)
