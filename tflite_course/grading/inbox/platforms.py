"""How learning platforms name what they hand out: who, when, which attempt, and which file it was.

Only known forms are read. Sources:
- Canvas: get_filename and add_upload_submission in
  https://github.com/instructure/canvas-lms/blob/master/lib/content_zipper.rb (name, LATE, user id or anon_ and the
  anonymous id, attachment id, file; the name is in small letters without blanks).
- Moodle: is_valid_filename_for_import in
  https://github.com/moodle/moodle/blob/main/mod/assign/feedback/file/importziplib.php (fullname, participant id,
  plugin type, plugin name; with a last "_" before 4.1). Each assignment numbers its participants anew.
- Blackboard: https://github.com/kwurst/bb-file-cleanup (assignment, username, attempt, time, file, and a .txt receipt).
- Brightspace, as seen in downloads: user id, folder id, name, time, file, between " - ".
- Gradescope, as seen in exports: submission_metadata.yml beside folders submission_N.
- GitHub Classroom, as seen in clones: ASSIGNMENT-submissions/ASSIGNMENT-username.
- ILIAS: downloadAllAssignmentFiles in
  https://github.com/ILIAS-eLearning/ILIAS/blob/release_7/Modules/Exercise/Submission/class.ilExSubmission.php: folders
  Lastname_Firstname_login_id, in "Team N" for teams; " (2)" behind the name of a later file, "Late submission - "
  before a late one, and the time of handing in as the time of the file.
- Sakai: folders "Last, First(id)/Submission attachment(s)/" with timestamp.txt, or without folders the same with "_":
  https://github.com/sakaiproject/sakai/blob/master/assignment/impl/src/java/org/sakaiproject/assignment/impl/AssignmentServiceImpl.java
- Google Drive and Classroom, as seen in downloads: "Name - file.ipynb".
"""

import datetime
import re
from dataclasses import dataclass, replace

import yaml

from tflite_course.grading import dates

FILE, FOLDER = "file", "folder"


@dataclass(frozen=True)
class Owner:
    """Who handed in a file or folder, as its name says."""

    platform: str
    id: str = ""  # what the platform calls the person
    name: str = ""  # as it stands
    others: tuple = ()  # other readings of id, and other marks of the person: e-mail, login
    file: str | None = None  # the name that the file had before the platform added to it
    order: float | None = None  # the larger, the newer; only within a platform
    when: datetime.datetime | None = None
    late: bool = False
    stem: str = ""  # what stood before the file's own name: a file for feedback begins with it


CANVAS_ANONYMOUS = re.compile(
    r"(?P<stem>(?:(?P<late>LATE)_)?anon_(?:(?P<late2>LATE)_)?(?P<id>[A-Za-z0-9]{3,12})_(?P<order>\d+)_)(?P<file>.+)"
)
CANVAS = re.compile(r"(?P<stem>(?P<name>[\w-]*?)_(?:(?P<late>LATE)_)?(?P<id>\d+)_(?P<order>\d+)_)(?P<file>.+)")
CANVAS_TEXT = re.compile(r"(?P<stem>(?P<name>[\w-]*?)_(?:(?P<late>LATE)_)?(?P<id>\d+)_)(?P<file>(?:text|link)\.html)")
MOODLE = re.compile(r"(?P<name>.*?)_(?P<id>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?", re.S)
BLACKBOARD = re.compile(r"(?P<head>.+)_attempt_(?P<date>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)?", re.S)
BRIGHTSPACE = re.compile(
    r"(?P<id>\d+)-(?P<folder>\d+) ?- (?P<name>.+?)(?: ?- (?P<date>[A-Z][a-z]+ \d{1,2}, \d{4} [\d:]{1,5} ?[AP]M"
    r"|\d{1,2} [A-Z][a-z]+,? \d{4} [\d:]{1,5}(?: ?[AP]M)?))?(?: ?- (?P<file>.+))?"
)
SAKAI = re.compile(r"(?P<name>[^,()]+, ?[^()]*)\((?P<id>[^()]+)\)")
SAKAI_FLAT = re.compile(r"(?P<name>[^,()]+, ?[^()]*)\((?P<id>[^()]+)\)_(?:Submission attachment\(s\)_)?(?P<file>.+)")
TEAM = re.compile(r"(?:team|gruppe|groupe|group) \d+", re.I)
ILIAS = re.compile(r"(?P<last>[^_\d]+)_(?P<first>[^_\d]+)_(?P<login>.+)_(?P<id>\d+)")
GRADESCOPE = re.compile(r"submission_(?P<id>\d+)")
GRADESCOPE_LIST = "submission_metadata.yml"
GOOGLE = re.compile(r"(?P<name>.+?) - (?P<file>.+\.ipynb)", re.I)
ILIAS_TIME = re.compile(r"(?P<time>\d{14})_(?P<file>.+)")
ILIAS_LATE = re.compile(r"(?:late submission|versp(?:ä|ae|a)tete abgabe) - (?P<file>.+)", re.I)
SAKAI_PARTS = {"Submission attachment(s)", "Feedback Attachment(s)", "timestamp.txt"}


def _canvas(match, name=None):
    found = match.groupdict()
    late = bool(found.get("late") or found.get("late2"))
    order = float(found["order"]) if found.get("order") else None
    name = found.get("name") if name is None else name
    return Owner("Canvas", found["id"], name, (), found["file"], order, None, late, found["stem"])


def _moodle(match):
    name = match["name"].strip() or "Participant"
    shown = f"Participant {match['id']}" if name.lower() == "participant" else name
    stem = match[0][: match.start("file") - match.start()] if match["file"] else match[0]
    return Owner("Moodle", match["id"], shown, (), match["file"] or None, stem=stem)


def _blackboard(match, zone):
    parts = match["head"].split("_")  # both the assignment and the user may have a "_" in their names
    readings = tuple("_".join(parts[k:]) for k in range(1, len(parts))) or (match["head"],)
    when = datetime.datetime.strptime(match["date"], "%Y-%m-%d-%H-%M-%S")
    when = dates.aware(when, zone)
    file = match["file"] or ("receipt.txt" if match[0].endswith(".txt") else None)
    return Owner("Blackboard", readings[-1], "", readings, file, when.timestamp(), when)


def _brightspace(match, zone):
    when = None
    if match["date"]:
        date, clock = re.fullmatch(r"(.+ \d{4}) ([\d:]+ ?(?:[AP]M)?)", match["date"]).groups()
        digits, half = re.sub(r"[^\d]", "", clock).zfill(4), clock[-2:] if clock.endswith("M") else ""
        when = dates.maybe_date(f"{date} {digits[:-2]}:{digits[-2:]} {half}".strip(), zone)
    order = when.timestamp() if when else None
    return Owner("Brightspace", match["id"], match["name"].strip(), (), match["file"], order, when)


def read_name(name, kind, zone=None):
    """Return the Owner that the name of a FILE or FOLDER tells by itself, or None. zone: of the platform's clock."""
    if kind == FILE:
        for pattern in (CANVAS_ANONYMOUS, CANVAS, CANVAS_TEXT):
            match = pattern.fullmatch(name)
            if match and not re.fullmatch(r"\d+\.\w+", match["file"]):  # no file has a date for its name: an archive's
                anonymous = pattern is CANVAS_ANONYMOUS
                return _canvas(match, f"anonymous {match['id']}" if anonymous else None)
    if match := MOODLE.fullmatch(name):
        return _moodle(match)
    if match := BLACKBOARD.fullmatch(name):
        return _blackboard(match, zone)
    if match := BRIGHTSPACE.fullmatch(name):
        return _brightspace(match, zone)
    if match := (SAKAI if kind == FOLDER else SAKAI_FLAT).fullmatch(name):
        return Owner("Sakai", match["id"].strip(), match["name"].strip(), (), match.groupdict().get("file"))
    return None


def read_folders(node, labs):
    """Return {name: Owner} of the folders in a folder whose names tell only together: ILIAS, GitHub Classroom."""
    folders = [child.stem for child in node.children if child.is_folder and not child.is_archive]
    matches = {name: ILIAS.fullmatch(name) for name in folders}
    if folders and all(matches.values()) and len({match["id"] for match in matches.values()}) == len(folders):
        if not any(re.search(r"(?:^|_)lab_\d+$", name.lower()) for name in folders):
            return {
                name: Owner("ILIAS", m["id"], f"{m['first']} {m['last']}", (m["login"],)) for name, m in matches.items()
            }
    slug = node.stem.removesuffix("-submissions") if node.stem.endswith("-submissions") else None
    found = {}
    for child in node.children:
        slugs = [slug] if slug else [lab.replace("_", "-") for lab in labs]
        before = next((s for s in slugs if child.stem.startswith(f"{s}-") and child.stem != f"{s}-"), None)
        login = child.stem[len(before) + 1 :].removesuffix("-main").removesuffix("-master") if before else ""
        if child.is_folder and login and login != "submissions":
            found[child.stem] = Owner("GitHub", login, login)
        elif child.is_repository:
            found[child.stem] = Owner("GitHub", child.stem, child.stem, _tails(child.stem))
    return found


def _tails(name):
    """Return the logins that a repository of an unknown assignment could be of."""
    parts = name.split("-")
    return tuple("-".join(parts[k:]) for k in range(1, len(parts)))


class _Loader(yaml.SafeLoader):
    """Reads Ruby's objects, which Gradescope once wrote, as plain values and makes none of them."""


def _plain(loader, _, node):
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("", _plain)


def read_gradescope(content):
    """Return {folder: [Owner]} of submission_metadata.yml; a group's submission has several. Raises ValueError."""
    try:
        listed = yaml.load(content, _Loader)
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        raise ValueError(str(error).split("\n")[0]) from None
    if not isinstance(listed, dict):
        raise ValueError("it lists no submissions")
    found = {}
    for folder, entry in listed.items():
        if not isinstance(entry, dict):
            continue
        when = _moment(entry.get(":created_at"))
        order = when.timestamp() if when else None
        people = [
            person for person in entry.get(":submitters", entry.get("submitters")) or () if isinstance(person, dict)
        ]
        owners = []
        for person in people:
            number, mail = (str(person.get(key) or "").strip() for key in (":sid", ":email"))
            name = str(person.get(":name") or "").strip()
            marks = tuple(mark for mark in (number, mail) if mark)
            owners.append(Owner("Gradescope", number or mail or name, name, marks, None, order, when))
        found[str(folder)] = owners
    return found


def _moment(value):
    if isinstance(value, dict):  # a TimeWithZone of Ruby on Rails
        value = value.get("utc") or value.get("time")
    if isinstance(value, datetime.datetime):
        return value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
    return dates.maybe_date(value, datetime.UTC) if value else None


def read_sakai_time(text):
    """Return the time in Sakai's timestamp.txt, digits from the year to the millisecond or ISO, or None."""
    digits = re.match(r"\s*(\d{14})", text)
    if not digits:
        return dates.maybe_date(text, datetime.UTC)
    try:
        return datetime.datetime.strptime(digits[1], "%Y%m%d%H%M%S").replace(tzinfo=datetime.UTC) if digits else None
    except ValueError:
        return None


def read_receipt(text):
    """Return (name, username) of the first line of Blackboard's receipt, or None."""
    match = re.match(r"\ufeff?\s*Name:\s*(?P<name>.+?)\s*\((?P<id>[^()]+)\)\s*$", text, re.M)
    return (match["name"], match["id"]) if match else None


def settle_blackboard(owners):
    """Return {owner: owner} with the username read from what all names of one download begin with."""
    heads = {owner.others[0] if owner.others else owner.id for owner in owners}
    if len(heads) < 2:
        return {owner: owner for owner in owners}
    split = [head.split("_") for head in heads]
    common = 0
    while all(len(parts) > common + 1 for parts in split) and len({parts[common] for parts in split}) == 1:
        common += 1
    return {
        owner: replace(owner, id="_".join((owner.others[0] if owner.others else owner.id).split("_")[common:]))
        for owner in owners
    }
