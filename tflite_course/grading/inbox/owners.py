"""Whose is what: a tree of downloads becomes units, each a person's files out of one place.

A folder or archive is a class when names that platforms give lie in it, or when several persons' folders do; else it
is one person's. What stands for nobody is said, never given to somebody.
"""

import re
from dataclasses import dataclass, field, replace

from tflite_course.grading.inbox import archives, contents, platforms
from tflite_course.grading.inbox.platforms import FILE, FOLDER, Owner

# words that a person's own folders and copies have in their names
OWN_WORDS = set(
    "old new final draft copy kopie copie backup version v attempt try part week lab labs notebook notebooks src code "
    "data work solution solutions submission submissions abgabe abgaben answer answers homework hw untitled test last "
    "first second of von de release released updated fixed corrected originale original checkpoint checkpoints the and "
    "assignment assignments ipynb files file download downloads class classes klasse kurs course section group export "
    "takeout drive classroom archive archiv my mein a b c".split()
)
PAGES = {"index.html", "readme.txt"}  # which platforms put beside what was handed in
COPY = re.compile(r"\s*\((?P<n>\d{1,3})\)$|\s+-\s+(?:copy|kopie|copie|copia)(?:\s*\(?(?P<m>\d{1,3})\)?)?$", re.I)
# a short number, a version, a year or a date; longer numbers are students'
NO_PERSON = re.compile(r"\d{1,2}|(?:v|lab|week|part)\d+|(?:19|20)\d\d(?:[01]\d(?:[0-3]\d)?)?")
COPY_OF = re.compile(r"^(?:copy of|kopie von|copie de|copia de)\s+", re.I)
DASH_COPY = re.compile(r"-(?P<n>\d{1,3})$")


@dataclass
class Piece:
    """One file of a person: its names below what was handed in, and the owner that its own name told."""

    parts: tuple
    node: archives.Node
    owner: Owner
    shown: str  # its way from the folder of downloads


@dataclass
class Unit:
    """What one person handed in, out of one place."""

    owners: list  # one person, or the members of a group
    place: str
    pieces: list = field(default_factory=list)
    problems: list = field(default_factory=list)


def copy_number(stem, dashes=False):
    """Return (stem without it, number) of a name that a browser, a system or Canvas numbered: "lab (2)", "lab-1"."""
    if match := COPY.search(stem):
        return stem[: match.start()].rstrip(), int(match["n"] or match["m"] or 1)
    if dashes and (match := DASH_COPY.search(stem)):
        return stem[: match.start()], int(match["n"])
    return stem, 0


class Reader:
    """Walks over downloads; units and problems fill up."""

    def __init__(self, labs, roster=None, zone=None):
        self.labs, self.roster, self.zone = sorted(labs), roster, zone
        self.units, self.problems = {}, []

    def read(self, nodes, here=""):
        """Read what lies in one folder or archive: nodes, and the way to it from the folder of downloads."""
        nodes = list(nodes)
        holder = archives.Node(here.rsplit("/", 1)[-1], nodes)
        told = platforms.read_folders(holder, self.labs)
        listed = self._read_list(nodes, here)
        named = {node.name: self.owner_of(node) for node in nodes}
        settled = platforms.settle_blackboard([o for o in named.values() if o and o.platform == "Blackboard"])
        receipts = self._receipts(nodes, named, settled)
        alone = len([node for node in nodes if node.is_folder or is_notebook(node)]) == 1
        plain = [n for n in nodes if not (named[n.name] or n.stem in told or (listed and n.stem in listed))]
        classes = {node.name for node in plain if node.is_folder and self._is_class(node, alone)}
        persons = any(node.name not in classes and self._person_in(node) for node in plain if _work_of(node))
        only = not (here or persons) and sum(owner is not None for owner in named.values()) == 1
        for node in nodes:
            owner = named[node.name]
            shown = f"{here}/{node.name}" if here else node.name
            if listed is not None and node.stem in listed:
                self._take(listed[node.stem], node, shown, here)
            elif owner and not (only and self._holds_a_class(node)):
                owner = receipts.get(owner, settled.get(owner, owner))
                self._take([self._sakai(owner, node)], node, shown, here)
            elif node.stem in told:
                self._take([told[node.stem]], node, shown, here)
            elif node.is_folder and node.problem and not node.children:
                self._take_damaged(node, shown, here)
            elif persons and node.name in classes and self._person_in(node) and self._is_download(node):
                self._take_mixed(node, shown, here)
            elif node.is_folder and (owner or node.name in classes):
                self.read(node.children, shown)
            else:
                self._read_plain(node, shown, here, bool(listed or told or any(named.values())))

    def owner_of(self, node):
        """Return the Owner that a name tells by itself, or None."""
        if node.is_folder and not node.is_archive:
            return platforms.read_name(node.name, FOLDER, self.zone)
        found = platforms.read_name(node.name, FILE, self.zone)
        return found or (platforms.read_name(node.stem, FOLDER, self.zone) if node.is_archive else None)

    def _read_list(self, nodes, here):
        """Return {folder: owners} of Gradescope's list, or None."""
        node = next((node for node in nodes if node.name == platforms.GRADESCOPE_LIST), None)
        if node is None:
            return None
        try:
            return platforms.read_gradescope(node.read(2**26))
        except (OSError, ValueError, archives.TooLarge) as error:
            self.problems.append(f"{node.name} cannot be read ({error}): export the submissions once more")
            return None

    def _receipts(self, nodes, named, settled):
        """Return {owner: owner} with names and usernames out of Blackboard's receipts."""
        found = {}
        for node in nodes:
            owner = named[node.name]
            if owner and owner.platform == "Blackboard" and re.search(r"_attempt_[\d-]+\.txt$", node.name):
                try:
                    told = platforms.read_receipt(contents.decode(node.read(2**20)))
                except (OSError, archives.TooLarge):
                    continue
                if told and told[1] in owner.others:
                    for other in named.values():
                        if other and other.platform == "Blackboard" and other.others == owner.others:
                            found[other] = replace(settled[other], id=told[1], name=told[0])
        return found

    def _sakai(self, owner, node):
        if owner.platform != "Sakai" or not node.is_folder:
            return owner
        for inner in node.children:
            if inner.name == "timestamp.txt":
                try:
                    when = platforms.read_sakai_time(contents.decode(inner.read(2**10)))
                except (OSError, archives.TooLarge):
                    continue
                return replace(owner, when=when, order=when.timestamp() if when else None)
        return owner

    def _take(self, owners, node, shown, here):
        """Put a file, or all files of a folder, into the unit of its owners."""
        if not owners:
            self.problems.append(f"{shown}: nobody is named for it; it is not graded")
            return
        key = (here, *((owner.platform, owner.id, owner.name) for owner in owners))
        unit = self.units.setdefault(key, Unit(owners, shown))
        owner = owners[0]
        if node.problem:
            unit.problems.append(node.problem)
        if not node.is_folder:
            unit.pieces.append(Piece((owner.file or node.name,), node, owner, shown))
            return
        for parts, inner in node.walk():
            if inner.problem:
                unit.problems.append(inner.problem)
            if inner.is_folder or inner.problem or self._is_of_the_platform(owner, parts):
                continue
            where = f"{shown}/{'/'.join(parts)}"
            parts = tuple(part for part in parts if owner.platform != "Sakai" or part != "Submission attachment(s)")
            unit.pieces.append(Piece(parts, inner, self._dated(owner, parts[-1]), where))

    def _take_damaged(self, node, shown, here):
        """Give an archive that cannot be read to the person of its name, or say that it is nobody's."""
        if self._person_in(node) or self._in_roster(node.stem):
            self._take([self._plain(node)], node, shown, here)
        else:
            self.problems.append(node.problem)

    def _dated(self, owner, name):
        """Return the owner with what ILIAS says of a file in its name: late, and when."""
        if owner.platform != "ILIAS":
            return owner
        if match := platforms.ILIAS_LATE.fullmatch(name):
            owner, name = replace(owner, late=True, file=match["file"]), match["file"]
        match = platforms.ILIAS_TIME.fullmatch(name)
        if not match:
            return owner
        when = platforms.read_sakai_time(match["time"])
        return replace(owner, file=match["file"], when=when, order=when.timestamp()) if when else owner

    def _is_of_the_platform(self, owner, parts):
        return owner.platform == "Sakai" and (
            parts[0] == "Feedback Attachment(s)" or parts[-1] in ("timestamp.txt", "comments.txt", "feedbackText.html")
        )

    def _take_mixed(self, node, shown, here):
        """Take a platform's names in a folder that stands beside single persons' folders: what a person calls files.

        They never make a file another person's; when they speak of several, it is not graded.
        """
        below = [inner for _, inner in node.walk() if is_notebook(inner)] + list(_work(node))
        told = {(owner.platform, owner.id) for inner in below if (owner := self.owner_of(inner))}
        if len(told) < 2 and not any(child.name == platforms.GRADESCOPE_LIST for child in node.children):
            self._read_plain(node, shown, here, False)
        else:
            self.problems.append(
                f"{shown} has files of several people and lies beside single people's: put it into a folder of its "
                "own, or give its files other names; it is not graded"
            )

    def _holds_a_class(self, node):
        """Return whether an archive whose name looks like a person's holds several persons' files."""
        if not node.is_folder:
            return False
        inner = {self.owner_of(child) for child in _work(node)} - {None}
        return len({(found.platform, found.id) for found in inner}) > 1

    def _is_class(self, node, alone, above=False):
        """Return whether a folder or archive without a known name holds persons, not one person's work.

        above: a folder around this one has a person's name, so what it holds is probably that person's.
        """
        named = above or bool(self._person_in(node))
        work = list(_work(node))
        if self._is_download(node):
            return True
        persons = [child for child in work if self._person_in(child) and self._labs_in(child)]
        if self.roster and not self._in_roster(node.stem) and any(self._in_roster(p.stem) for p in persons):
            return True
        if len({self._person_in(child) for child in persons}) < 2:
            only = [child for child in work if self._labs_in(child)]
            if len(only) != 1 or not only[0].is_folder:
                return False
            return bool(persons and not named) or self._is_class(only[0], alone, named and not alone)
        shared = [lab for child in persons for lab in self._labs_in(child)]
        return alone or not named or len(shared) > len(set(shared))

    def _is_download(self, node):
        """Return whether a platform's names stand in a folder or anywhere below it: at least half of what is there."""
        if any(child.name == platforms.GRADESCOPE_LIST for child in node.children):
            return True
        work = list(_work(node))
        told = [owner for child in work if (owner := self.owner_of(child))]
        if told and 2 * len(told) >= len(work):
            return True
        together = len(platforms.read_folders(node, self.labs))  # one alone may be a student's own folder
        if together > 1 or (together and (platforms.TEAM.fullmatch(node.name) or node.stem.endswith("-submissions"))):
            return True
        return any(self._is_download(child) for child in work if child.is_folder)

    def _in_roster(self, name):
        person = self.roster and (self.roster.by_mark(name)[0] or self.roster.by_name(name))
        return bool(person)

    def _labs_in(self, node):
        """Return the labs that have a notebook in a file or folder, by name or by content."""
        if "labs" not in node.facts:
            files = [node] if not node.is_folder else [inner for _, inner in node.walk() if not inner.is_folder]
            found = {self.lab_of(inner) for inner in files if is_notebook(inner)}
            node.facts["labs"] = found - {None}
        return node.facts["labs"]

    def lab_of(self, node):
        """Return the lab of a notebook by its content, else by its name, and remember its text."""
        if "lab" not in node.facts:
            try:
                text = contents.decode(node.read(archives.MOST_NOTEBOOK))
            except archives.TooLarge:
                node.problem = f"{node.name} is larger than {archives.MOST_NOTEBOOK // 2**20} MB; it was not taken"
                text = None
            except OSError as error:
                node.problem = node.problem or f"{node.name} cannot be read ({error}): ask for it once more"
                text = None
            node.facts["text"] = text
            node.facts["by content"] = contents.lab_of(text) if text is not None else None
            node.facts["by name"] = contents.lab_in(node.name, contents.signs())
            node.facts["lab"] = node.facts["by content"] or node.facts["by name"]
        return node.facts["lab"]

    def _person_in(self, node):
        """Return what is left of a name when labs and words that are nobody's are taken away, folded; may be ""."""
        stem, _ = copy_number(node.stem)
        for lab in self.labs:
            stem = re.sub(re.escape(lab).replace("_", "[_ -]"), " ", stem, flags=re.I)
        words = [word.casefold() for word in re.split(r"[\W_]+", stem) if word]
        title = {word for lab in self.labs for word in lab.split("_")}
        if len(words) == 1 and words[0].isdigit() and len(words[0]) > 2:
            return words[0]  # a student's number
        return " ".join(word for word in words if word not in OWN_WORDS | title and not NO_PERSON.fullmatch(word))

    def _plain(self, node):
        """Return the Owner of a plain name, or None when it names nobody."""
        stem, number = copy_number(COPY_OF.sub("", node.stem))
        name, file = re.sub(r"\.ipynb$", "", stem, flags=re.I), None
        if match := platforms.GOOGLE.fullmatch(node.name):
            if not contents.lab_in(match["name"], self.labs):
                name, file = match["name"], match["file"]
        for lab in sorted(self.labs, key=len, reverse=True):
            if not node.is_folder or node.is_archive:
                blank = r"\s" if "_" in lab else ""  # a person may be called Journal Smith
                between, word = rf"[{blank}._-]+", re.escape(lab).replace("_", "[_ -]")
                whole = rf"(?:^|{between}){word}(?:-\d{{1,3}}(?!\d))?(?:{between}|$)"
                name = re.sub(whole, "_", name, flags=re.I)
        name = name.strip(" _-.")
        letters = all(len(part) == 1 for part in re.split(r"[\W_]+", name)) and not name.isdigit()  # a.b is a login
        if not name or (is_notebook(node) and not letters and not self._person_in(archives.Node(name, []))):
            return None
        return Owner("plain", name, name, (), file, float(number))

    def _read_plain(self, node, shown, here, beside):
        """Read a file or folder of no platform: its name is the person's. beside: is a platform's there, too?"""
        if node.name.lower().endswith((".csv", ".toml", ".yml", ".xlsx")) and not node.is_folder:
            if here and node.name.lower() in ("class.csv", "grading.toml"):
                self.problems.append(f"{shown} was not read: put it beside what the platform gave, not into a folder")
            return
        owner = self._plain(node)
        if owner is None:
            self.problems.append(
                f"{shown} names nobody: put it into a folder with the person's name or id; it is not graded"
            )
        elif node.is_folder or is_notebook(node) or self._in_roster(node.stem) or not (here or beside):
            self._take([owner], node, shown, here)
        elif node.name.lower() not in PAGES:
            self.problems.append(f"{shown} is not a lab and belongs to nobody known; it was left alone")


def is_notebook(node):
    """Return whether a file may be a notebook, also under the names that browsers give."""
    return not node.is_folder and node.name.lower().endswith((".ipynb", ".ipynb.txt", ".ipynb.json", ".json"))


def _work_of(node):
    """Return whether a node is a folder, an archive or a notebook."""
    return node.is_folder or is_notebook(node)


def _work(node):
    """Return the children that are folders, archives or notebooks."""
    return [child for child in node.children or () if _work_of(child)]
