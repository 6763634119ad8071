"""The inbox: downloads of every platform become students and labs, nobody is merged, nothing is lost silently."""

import contextlib
import csv
import gzip
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from tests import ROOT
from tflite_course.errors import CourseError
from tflite_course.grading import __main__ as command
from tflite_course.grading import dates, inbox, settings
from tflite_course.grading.inbox import archives, choose, contents, people, roster, table

L3, L4, L9 = "lab_3_quantize", "lab_4_train_for_quantization", "lab_9_microcontroller"
LABS = [L3, L4, L9]
FILE = f"{L3}.ipynb"
TEXTS = {lab: (ROOT / "labs" / lab / f"{lab}.ipynb").read_text(encoding="utf-8") for lab in LABS}


def lab(mark, name=L3):
    """Return the text of a lab that carries a mark, to tell versions apart."""
    return TEXTS[name].replace("Before you hand in", f"Before you hand in {mark}")


def mark_of(text):
    return text.split("Before you hand in ", 1)[1].split('"', 1)[0].split("\\n")[0]


def make_zip(files, **options):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in files.items():
            archive.writestr(name, make_zip(content) if isinstance(content, dict) else content)
    return stream.getvalue()


def put(folder, files):
    """Write files into a folder: text, bytes, or a dict of files, which becomes an archive."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = make_zip(content) if isinstance(content, dict) else content
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def read(folder, files=None, class_csv=None, toml=None, labs=LABS):
    put(folder, files or {})
    people_ = roster_of(folder, class_csv) if class_csv else None
    chosen = None
    if toml is not None:
        (folder / "grading.toml").write_text(toml, encoding="utf-8")
        chosen = settings.read_settings(folder / "grading.toml", LABS)
    return inbox.read(folder, labs, roster=people_, settings=chosen)


def roster_of(folder, text):
    (folder / "class.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return inbox.read_roster(folder / "class.csv")


def found(received):
    """Return {student: {lab: mark of the version that counts}}."""
    return {s.student: {name: mark_of(text) for name, text in s.notebooks.items()} for s in received.submissions}


MOODLE = "_assignsubmission_file"
METADATA = """submission_1001:
  :submitters:
  - :name: Ada Lovelace
    :sid: '0012'
    :email: ada@x.org
  :created_at: 2026-11-20 10:00:00.123456000 Z
  :score: 0.0
submission_1002:
  :submitters:
  - :name: Jan Novak
    :email: jan@x.org
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: 2026-11-21 10:00:00.000000000 Z
    zone: &1 !ruby/object:ActiveSupport::TimeZone
      name: Etc/UTC
"""
PAIR = """submission_7:
  :submitters:
  - {":name": Ada, ":sid": "1", ":email": a@x.org}
  - {":name": Bob, ":sid": "2", ":email": b@x.org}
"""

# name: (files, {student: {lab: version}})
DOWNLOADS = {
    "Canvas": (
        {f"lovelaceada_12_9001_{FILE}": lab(1), f"novakjan_13_9002_{FILE}": lab(2)},
        {"12": {L3: "1"}, "13": {L3: "2"}},
    ),
    "Canvas, late": (
        {f"lovelaceada_LATE_12_9001_{FILE}": lab(1), f"novakjan_13_9002_{FILE}": lab(2)},
        {"12": {L3: "1"}, "13": {L3: "2"}},
    ),
    "Canvas, letters of the world": (
        {f"王伟_13_9003_{FILE}": lab(1), f"李娜_14_9004_{FILE}": lab(2), f"søndergårdåse_15_9005_{FILE}": lab(3)},
        {"13": {L3: "1"}, "14": {L3: "2"}, "15": {L3: "3"}},
    ),
    "Canvas, anonymous": (
        {
            f"anon_aB3xY_9001_{FILE}": lab(1),
            f"anon_Zz3xQ_9002_{FILE}": lab(2),
            f"LATE_anon_Qz3xY_9005_{FILE}": lab(3),
            f"anon_12345_9006_{FILE}": lab(4),
        },
        {"aB3xY": {L3: "1"}, "Zz3xQ": {L3: "2"}, "Qz3xY": {L3: "3"}, "12345": {L3: "4"}},
    ),
    "Canvas, a second attempt and its number": (
        {f"ada_12_9001_{FILE}": lab("old"), f"ada_12_9007_{L3}-1.ipynb": lab("new")},
        {"12": {L3: "new"}},
    ),
    "Canvas, larger numbers are newer": (
        {f"ada_12_10001_{FILE}": lab("new"), f"ada_12_9999_{FILE}": lab("old")},
        {"12": {L3: "new"}},
    ),
    "Canvas, a class zip": (
        {"submissions.zip": {f"ada_12_9001_{FILE}": lab(1), f"bob_13_9002_{FILE}": lab(2)}},
        {"12": {L3: "1"}, "13": {L3: "2"}},
    ),
    "Canvas, zips of students": (
        {"ada_12_9001_work.zip": {f"work/{FILE}": lab(1)}, "bob_13_9002_work.zip": {FILE: lab(2)}},
        {"12": {L3: "1"}, "13": {L3: "2"}},
    ),
    "Canvas, zips in a class zip": (
        {"submissions.zip": {"ada_12_9001_a.zip": {FILE: lab(1)}, "bob_13_9002_b.zip": {FILE: lab(2)}}},
        {"12": {L3: "1"}, "13": {L3: "2"}},
    ),
    "Canvas, two assignments": (
        {f"a.zip/ada_12_9001_{FILE}": lab(1), f"b/ada_12_9100_{L4}.ipynb": lab(2, L4)},
        {"12": {L3: "1", L4: "2"}},
    ),
    "Canvas, a class zip whose name looks like a person's": (
        {"gradebook_2026_11_27.zip": {f"ada_12_9001_{FILE}": lab(1), f"bob_13_9002_{FILE}": lab(2)}},
        {"12": {L3: "1"}, "13": {L3: "2"}},
    ),
    "Moodle, two of one name": (
        {f"Jan Novak_111{MOODLE}_/{FILE}": lab(1), f"Jan Novak_222{MOODLE}_/{FILE}": lab(2)},
        {"111": {L3: "1"}, "222": {L3: "2"}},
    ),
    "Moodle since 4.1, without the last mark": (
        {f"Jan Novak_111{MOODLE}/{FILE}": lab(1), f"Ada van_der Berg_222{MOODLE}/{FILE}": lab(2)},
        {"111": {L3: "1"}, "222": {L3: "2"}},
    ),
    "Moodle, blind": (
        {f"Participant_111{MOODLE}_/{FILE}": lab(1), f"Participant_222{MOODLE}_/{FILE}": lab(2)},
        {"111": {L3: "1"}, "222": {L3: "2"}},
    ),
    "Moodle, files without folders": (
        {f"Jan Novak_111{MOODLE}_{FILE}": lab(1), f"Jan Novak_222{MOODLE}_{FILE}": lab(2)},
        {"111": {L3: "1"}, "222": {L3: "2"}},
    ),
    "Moodle, a class zip": (
        {"Course-Lab 3-1234.zip": {f"Jan Novak_111{MOODLE}_/{FILE}": lab(1), f"李娜_222{MOODLE}_/{FILE}": lab(2)}},
        {"111": {L3: "1"}, "222": {L3: "2"}},
    ),
    "Moodle, zips of students and a text": (
        {
            f"Jan Novak_111{MOODLE}_/my work.zip": {f"x/{FILE}": lab(1)},
            "Jan Novak_111_assignsubmission_onlinetext_/onlinetext.html": "<p>here</p>",
        },
        {"111": {L3: "1"}},
    ),
    "Blackboard": (
        {
            f"Lab 3_ada_attempt_2026-11-20-10-00-00_{FILE}": lab(1),
            "Lab 3_ada_attempt_2026-11-20-10-00-00.txt": "Name: Ada Lovelace (ada)\nAssignment: Lab 3\n",
            f"Lab 3_bob_attempt_2026-11-21-10-00-00_{FILE}": lab("old"),
            f"Lab 3_bob_attempt_2026-11-22-09-00-00_{FILE}": lab("new"),
        },
        {"ada": {L3: "1"}, "bob": {L3: "new"}},
    ),
    "Blackboard, marks in names": (
        {
            f"Lab_3_a_smith_attempt_2026-11-20-10-00-00_{FILE}": lab(1),
            f"Lab_3_b_smith_attempt_2026-11-20-10-00-00_{FILE}": lab(2),
        },
        {"a_smith": {L3: "1"}, "b_smith": {L3: "2"}},
    ),
    "Blackboard, a class zip": (
        {
            "gradebook_Lab3_2026-11-27-12-00-00.zip": {
                f"Lab 3_s1_attempt_2026-11-20-10-00-00_{FILE}": lab(1),
                f"Lab 3_s2_attempt_2026-11-20-10-00-00_{FILE}": lab(2),
            }
        },
        {"s1": {L3: "1"}, "s2": {L3: "2"}},
    ),
    "Brightspace": (
        {
            f"12-456 - Ada Lovelace - Nov 24, 2026 1155 AM/{FILE}": lab(1),
            f"13-456 - Jan Novak - Nov 25, 2026 105 PM - {FILE}": lab(2),
        },
        {"12": {L3: "1"}, "13": {L3: "2"}},
    ),
    "Brightspace, two times": (
        {
            f"12-456 - Ada Lovelace - Nov 24, 2026 1155 AM/{FILE}": lab("old"),
            f"12-456 - Ada Lovelace - Nov 24, 2026 105 PM/{FILE}": lab("new"),
            "index.html": "<html></html>",
        },
        {"12": {L3: "new"}},
    ),
    "Gradescope": (
        {
            "submission_metadata.yml": METADATA,
            f"submission_1001/{FILE}": lab(1),
            f"submission_1002/{FILE}": lab(2),
        },
        {"0012": {L3: "1"}, "jan@x.org": {L3: "2"}},
    ),
    "Gradescope, zipped": (
        {
            "assignment_9_export.zip": {
                "assignment_9_export/submission_metadata.yml": METADATA,
                f"assignment_9_export/submission_1001/{FILE}": lab(1),
                f"assignment_9_export/submission_1002/{FILE}": lab(2),
            }
        },
        {"0012": {L3: "1"}, "jan@x.org": {L3: "2"}},
    ),
    "Gradescope, a group": (
        {"submission_metadata.yml": PAIR, f"submission_7/{FILE}": lab(1)},
        {"1": {L3: "1"}, "2": {L3: "1"}},
    ),
    "Gradescope without its list": (
        {f"submission_1001/{FILE}": lab(1), f"submission_1002/{FILE}": lab(2)},
        {"submission_1001": {L3: "1"}, "submission_1002": {L3: "2"}},
    ),
    "GitHub Classroom": (
        {
            f"lab-3-quantize-submissions/lab-3-quantize-ada-l/{FILE}": lab(1),
            f"lab-3-quantize-submissions/lab-3-quantize-bob/{FILE}": lab(2),
        },
        {"ada-l": {L3: "1"}, "bob": {L3: "2"}},
    ),
    "GitHub Classroom, another name of the assignment": (
        {f"quantize-submissions/quantize-ada-l/{FILE}": lab(1), f"quantize-submissions/quantize-bob/{FILE}": lab(2)},
        {"ada-l": {L3: "1"}, "bob": {L3: "2"}},
    ),
    "GitHub, clones": (
        {
            f"hw-ada/{FILE}": lab(1),
            "hw-ada/.git/HEAD": "ref",
            f"hw-bob/{FILE}": lab(2),
            "hw-bob/.git/HEAD": "ref",
        },
        {"hw-ada": {L3: "1"}, "hw-bob": {L3: "2"}},
    ),
    "ILIAS": (
        {f"Lovelace_Ada_ada_1234/{FILE}": lab(1), f"van Dyke_Bob_bob_v_77/{FILE}": lab(2)},
        {"1234": {L3: "1"}, "77": {L3: "2"}},
    ),
    "ILIAS, teams, later and late files": (
        {
            "Abgaben.zip": {
                f"Team 12/Lovelace_Ada_ada_1234/{FILE}": lab("old"),
                f"Team 12/Lovelace_Ada_ada_1234/{L3} (2).ipynb": lab("new"),
                f"Team 13/Byron_Bob_bob_77/Late submission - {FILE}": lab(2),
            }
        },
        {"1234": {L3: "new"}, "77": {L3: "2"}},
    ),
    "ILIAS, zipped, times before the names": (
        {
            "Abgaben.zip": {
                f"Lab 3/Lovelace_Ada_ada_1234/20261120100000_{FILE}": lab("old"),
                f"Lab 3/Lovelace_Ada_ada_1234/20261121100000_{FILE}": lab("new"),
                f"Lab 3/Byron_Bob_bob_77/20261120100000_{FILE}": lab(2),
            }
        },
        {"1234": {L3: "new"}, "77": {L3: "2"}},
    ),
    "Sakai": (
        {
            f"Lovelace, Ada(ada)/Submission attachment(s)/{FILE}": lab(1),
            "Lovelace, Ada(ada)/timestamp.txt": "20261120100000123",
            f"Lovelace, Ada(ada)/Feedback Attachment(s)/{FILE}": lab("feedback"),
            f"Byron, Bob(bob)/Submission attachment(s)/{FILE}": lab(2),
            "grades.csv": "Lab 3,Points\n",
        },
        {"ada": {L3: "1"}, "bob": {L3: "2"}},
    ),
    "Sakai without folders": (
        {
            f"Lovelace, Ada(ada)_Submission attachment(s)_{FILE}": lab(1),
            f"Byron, Bob(bob)_Submission attachment(s)_{FILE}": lab(2),
            "Byron, Bob(bob)_timestamp.txt": "2026-11-20T10:00:00Z",
        },
        {"ada": {L3: "1"}, "bob": {L3: "2"}},
    ),
    "Sakai, a bulk download": (
        {
            "bulk_download.zip": {
                f"Lab 3/Novak, Jan(s1)/Submission attachment(s)/{FILE}": lab(1),
                f"Lab 3/Novak, Jan(s2)/Submission attachment(s)/{FILE}": lab(2),
            }
        },
        {"s1": {L3: "1"}, "s2": {L3: "2"}},
    ),
    "Google Drive": (
        {
            f"Ada Lovelace - {FILE}": lab(1),
            "Jan Novak - Untitled0.ipynb": lab(2),
            f"{L3} - Eve Adams.ipynb": lab(3),
            f"Copy of {L3} - Li.ipynb": lab(4),
        },
        {"Ada-Lovelace": {L3: "1"}, "Jan-Novak": {L3: "2"}, "Eve-Adams": {L3: "3"}, "Li": {L3: "4"}},
    ),
    "Google Drive, zipped": (
        {
            "drive-download-20261127T120000Z-001.zip": {
                f"Ada Lovelace - {FILE}": lab("old"),
                f"Ada Lovelace - {L3} (1).ipynb": lab("new"),
                f"Jan Novak - {FILE}": lab(2),
            }
        },
        {"Ada-Lovelace": {L3: "new"}, "Jan-Novak": {L3: "2"}},
    ),
    "Google Takeout": (
        {
            "takeout-1.zip": {
                f"Takeout/Drive/Classroom/Lab 3/{name} - {FILE}": lab(k) for k, name in enumerate(("Ada", "Bob"))
            }
        },
        {"Ada": {L3: "0"}, "Bob": {L3: "1"}},
    ),
    "plain folders": (
        {f"van_dyke/{FILE}": lab(1), f"van_houten/{FILE}": lab(2)},
        {"van_dyke": {L3: "1"}, "van_houten": {L3: "2"}},
    ),
    "plain files": (
        {
            "ada.ipynb": lab(1),
            f"van_dyke_{FILE}": lab(2),
            f"{L3}_van_houten.ipynb": lab(3),
            "eve.zip": {f"deep/er/{FILE}": lab(4)},
        },
        {"ada": {L3: "1"}, "van_dyke": {L3: "2"}, "van_houten": {L3: "3"}, "eve": {L3: "4"}},
    ),
    "plain files, the browser's number": (
        {"ada.ipynb": lab("old"), "ada (1).ipynb": lab("new"), "bob.ipynb": lab(2)},
        {"ada": {L3: "new"}, "bob": {L3: "2"}},
    ),
    "students' numbers": (
        {
            "12345.ipynb": lab(1),
            f"67890/{FILE}": lab(2),
            f"s777_{FILE}": lab(3),
            "88888.zip": {FILE: lab(4)},
        },
        {"12345": {L3: "1"}, "67890": {L3: "2"}, "s777": {L3: "3"}, "88888": {L3: "4"}},
    ),
    "a class zip of students' numbers": (
        {"Lab 3.zip": {"12345.ipynb": lab(1), f"67890/{FILE}": lab(2)}},
        {"12345": {L3: "1"}, "67890": {L3: "2"}},
    ),
    "a class zip of folders": (
        {"class.zip": {f"ada/{FILE}": lab(1), f"bob/{FILE}": lab(2)}},
        {"ada": {L3: "1"}, "bob": {L3: "2"}},
    ),
    "a class zip of zips": (
        {"class.zip": {"ada.zip": {FILE: lab(1)}, "bob.zip": {f"x/{FILE}": lab(2)}}},
        {"ada": {L3: "1"}, "bob": {L3: "2"}},
    ),
    "a class zip in a folder of its own name": (
        {"group A.zip": {f"group A/ada/{FILE}": lab(1), f"group A/bob/{L4}.ipynb": lab(2, L4)}},
        {"ada": {L3: "1"}, "bob": {L4: "2"}},
    ),
    "folders of labs with persons in them": (
        {
            f"{L3}/ada/x.ipynb": lab(1),
            f"{L3}/bob/x.ipynb": lab(2),
            f"{L4}/ada/x.ipynb": lab(3, L4),
            "Lab 9/bob.ipynb": lab(4, L9),
            "Lab 9/ada.ipynb": lab(5, L9),
        },
        {"ada": {L3: "1", L4: "3", L9: "5"}, "bob": {L3: "2", L9: "4"}},
    ),
    "a student's folders of labs and of old versions": (
        {
            f"ada/lab 3/{FILE}": lab(1),
            f"ada/lab 4/{L4}.ipynb": lab(2, L4),
            f"bob/{FILE}": lab("new"),
            f"bob/old/{FILE}": lab("old"),
        },
        {"ada": {L3: "1", L4: "2"}, "bob": {L3: "new"}},
    ),
    "a student's own folders that look like a platform's": (
        {
            f"ada/my_test_run_12/{FILE}": lab(1),
            f"bob/mylab/{FILE}": lab(2),
            "bob/mylab/.git/HEAD": "ref",
            f"eve/{FILE}": lab(3),
            "eve/model_10_20_test.ipynb": "{}",
            "eve/more/x.ipynb": "{}",
            "eve/plots.ipynb": "{}",
        },
        {"ada": {L3: "1"}, "bob": {L3: "2"}, "eve": {L3: "3"}},
    ),
    "a student's archives and folders in folders": (
        {
            "ada/work.zip": {f"deep/er/{FILE}": lab(1)},
            "bob/work.zip": {f"deep/er/{FILE}": lab(2)},
            "eve/work.zip": {f"monday/{FILE}": lab(3), f"tuesday/{L4}.ipynb": lab(4, L4)},
            "finn/work.zip": {f"monday/{FILE}": lab(5), f"tuesday/{L4}.ipynb": lab(6, L4)},
            f"gus/homework/deep/{FILE}": lab(7),
            f"hal/homework/deep/{FILE}": lab(8),
        },
        {
            "ada": {L3: "1"},
            "bob": {L3: "2"},
            "eve": {L3: "3", L4: "4"},
            "finn": {L3: "5", L4: "6"},
            "gus": {L3: "7"},
            "hal": {L3: "8"},
        },
    ),
    "names that differ in their case": (
        {"Ada.zip": {FILE: lab(1)}, "ada/lab.ipynb": lab(2)},
        None,  # two, and the second one's name has a mark behind it
    ),
}


@pytest.mark.parametrize("name", DOWNLOADS)
def test_downloads(tmp_path, name):
    files, expected = DOWNLOADS[name]
    received = read(tmp_path / "in", files)
    if expected is None:
        assert sorted(len(s.handed) for s in received.submissions) == [1, 1]
        assert len({s.student.casefold() for s in received.submissions}) == 2
    else:
        assert found(received) == expected
    several = [h for s in received.submissions for h in s.handed.values() if h.of > 1]
    for handed in several:  # which of how many is said
        assert handed.version == handed.of and any("versions: " in sentence for sentence in handed.odd)


def test_a_whole_class_may_be_one_archive(tmp_path):
    put(tmp_path, {"submissions.zip": {f"ada_12_9001_{FILE}": lab(1), f"bob_13_9002_{FILE}": lab(2)}})
    assert found(read_path(tmp_path / "submissions.zip")) == {"12": {L3: "1"}, "13": {L3: "2"}}


def read_path(path):
    return inbox.read(path, LABS)


# names of people that look like something else
NAMES = """Jan Novak,Ada Lovelace,王伟,李娜,Pat O'Brien,van der Berg,José Álvarez,Müller-Lüdenscheid,A,X Æ A-12,\
Lab Rat,Old Bob,Journal Smith,Copy Cat,Test Student2,ﬁnn,Søren,محمد,Анна,null,none,NaN,True,con,100,Dr. No,a.b,Ms. 3,\
Anna-Lena,Week Endler,Final Fantasy,Version One,Solution Man""".split(",")
LETTERS = {name: "".join(c for c in name.lower() if c.isalnum()) for name in NAMES}
FORMS = {
    "Canvas": lambda n, k: f"{LETTERS[n]}{'_LATE' * (k % 2)}_{100 + k}_{9000 + k}_{FILE}",
    "Moodle": lambda n, k: f"{n}_{100 + k}{MOODLE}{'_' * (k % 2)}/{FILE}",
    "Blackboard": lambda n, k: f"Lab 3_u{k}{'_x' * (k % 2)}_attempt_2026-11-20-10-00-00_{FILE}",
    "Brightspace": lambda n, k: f"{100 + k}-77 - {n} - Nov 24, 2026 1155 AM{('/', ' - ')[k % 2]}{FILE}",
    "Sakai": lambda n, k: f"{n}, F(u{k})/Submission attachment(s)/{FILE}",
    "GitHub": lambda n, k: f"lab-3-quantize-submissions/lab-3-quantize-u{k}/{FILE}",
    "folders": lambda n, k: f"{n}/{FILE}",
    "folders of archives": lambda n, k: f"{n}/work.zip",
    "folders of folders": lambda n, k: f"{n}/homework/deep/{FILE}",
    "files": lambda n, k: f"{n}.ipynb",
    "Google": lambda n, k: f"{n} - {FILE}",
}
WRAPPERS = {
    "as it is": lambda files: files,
    "a zip": lambda files: {"submissions.zip": files},
    "a folder": lambda files: {f"Download/{name}": text for name, text in files.items()},
    "a zip with a folder": lambda files: {"Robots 1.zip": {f"Robots 1/{name}": text for name, text in files.items()}},
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("form", FORMS)
def test_nobody_is_merged_or_lost_whatever_the_names(tmp_path, form, wrapper):
    for seed in range(4):
        drawn = random.Random(f"{form} {wrapper} {seed}")
        names = drawn.sample(NAMES, 7)
        if form in ("Canvas", "Moodle", "Blackboard", "Brightspace", "Sakai"):
            names += names[:2]  # two of one name, whom the platform's ids tell apart
        files = {FORMS[form](name, k): lab(k) for k, name in enumerate(names, 1)}
        if form == "folders of archives":
            files = {name: {f"deep/er/{FILE}": text} for name, text in files.items()}
        received = read(tmp_path / str(seed), WRAPPERS[wrapper](files))
        versions = sorted(int(mark) for marks in found(received).values() for mark in marks.values())
        assert versions == list(range(1, len(names) + 1)), (names, found(received), received.notes)
        assert len(received.submissions) == len(names)


def test_names_stay_as_they_stand(tmp_path):
    received = read(tmp_path, {f"王伟_13_9003_{FILE}": lab(1), f"Ada O'Brien-Ünal_7{MOODLE}_/{FILE}": lab(2)})
    assert {s.student: s.name for s in received.submissions} == {"13": "王伟", "7": "Ada O'Brien-Ünal"}


@pytest.mark.parametrize(
    ("files", "part"),
    [
        ({FILE: lab(1)}, "names nobody"),
        ({f"{L3} (1).ipynb": lab(1)}, "names nobody"),
        ({f"{L3} - Copy.ipynb": lab(1)}, "names nobody"),
        ({f"x_5_1_{FILE}": lab(1), f"y_5_2_{FILE}": lab(2)}, "the id 5 stands beside several names"),
        (
            {f"Ada_1{MOODLE}_/{FILE}": lab(1), f"Ada_2{MOODLE}_/{L4}.ipynb": lab(2, L4)},
            "Moodle numbers anew for each assignment",
        ),
        (
            {f"Ada Lovelace/{FILE}": lab(1), "ada_lovelace.zip": {FILE: lab(2)}},
            "may be one person: they are kept apart",
        ),
        ({"submission_metadata.yml": "- [", f"submission_1/{FILE}": lab(1)}, "cannot be read"),
        ({"submission_metadata.yml": "submission_1: {':submitters': []}", f"submission_1/{FILE}": lab(1)}, "nobody is"),
    ],
)
def test_what_is_unclear_is_one_sentence(tmp_path, files, part):
    received = read(tmp_path, files)
    assert any(part in note for note in received.notes), received.notes
    versions = [mark_of(text) for s in received.submissions for text in s.notebooks.values()]
    assert len(versions) == len(set(versions)), "nobody got another's work"


OTHERS = {f"bob_13_99999_{FILE}": lab("mine"), f"eve_14_99999_{FILE}": lab("mine")}


@pytest.mark.parametrize(
    "attack",
    [
        {"mallory_66_9009_work.zip": OTHERS},
        {"mallory_66_9009_work.zip": {f"x/{FILE}": lab("mine"), "x/y.zip": OTHERS}},
        {"mallory/" + name: text for name, text in OTHERS.items()},
        {"mallory.zip": OTHERS},
        {"mallory.zip": {f"bob_13_99999_{FILE}": lab("mine")}},
        {
            "mallory.zip": {
                "submission_metadata.yml": METADATA.replace("'0012'", "'13'"),
                f"submission_1001/{FILE}": lab("mine"),
            }
        },
        {"mallory.zip": {f"bob/{FILE}": lab("mine")}},
    ],
)
@pytest.mark.parametrize("others", ["Canvas", "Canvas, zips", "folders"])
def test_nobody_hands_in_for_another(tmp_path, attack, others):
    """Whatever files are called inside what one person handed in, they count for nobody else."""
    honest = {
        "Canvas": {f"bob_13_9001_{FILE}": lab("bob"), f"eve_14_9002_{FILE}": lab("eve")},
        "Canvas, zips": {"bob_13_9001_w.zip": {FILE: lab("bob")}, "eve_14_9002_w.zip": {FILE: lab("eve")}},
        "folders": {f"bob/{FILE}": lab("bob"), f"eve/{FILE}": lab("eve")},
    }[others]
    if others != "folders" and not any("_66_" in name for name in attack):
        return  # in a download of Canvas every name is Canvas's
    got = found(read(tmp_path, honest | attack))
    bob, eve = ("bob", "eve") if others == "folders" else ("13", "14")
    assert (got[bob], got[eve]) == ({L3: "bob"}, {L3: "eve"})
    assert not {"13", "14"} & set(got) or others != "folders"


def test_a_receipt_is_blackboards_own(tmp_path):
    time = "attempt_2026-11-20-10-00-00"
    files = {f"Lab 3_mallory_{time}_{FILE}": lab(1), f"Lab 3_mallory_{time}_receipt.txt": "Name: Bob Adams (mallory)\n"}
    (submission,) = read(tmp_path, files, "id,name\n1,Bob Adams\n").submissions
    assert submission.person is None and submission.name != "Bob Adams"


def test_versions_that_nothing_tells_apart_are_marked(tmp_path):
    received = read(tmp_path, {f"ada/a/{FILE}": lab(1), f"ada/b/{FILE}": lab(2), f"bob/{FILE}": lab(3)})
    (ada, _) = received.submissions
    assert ada.handed[L3].of == 2 and any("nothing tells which" in sentence for sentence in ada.handed[L3].odd)


def test_a_folder_and_an_archive_of_one_person(tmp_path):
    """A time in an archive tells nothing about a file that has none."""
    (ada,) = read(tmp_path, {f"ada/{FILE}": lab(1), "ada.zip": {FILE: lab(2)}}).submissions
    assert ada.handed[L3].of == 2 and any("nothing tells which" in sentence for sentence in ada.handed[L3].odd)


def test_the_same_download_twice(tmp_path):
    twice = {f"ada_12_9001_{FILE}": lab(1), f"bob_13_9002_{FILE}": lab(2)}
    received = read(tmp_path, {"submissions.zip": twice, "submissions (1).zip": twice})
    assert found(received) == {"12": {L3: "1"}, "13": {L3: "2"}}
    assert received.submissions[0].handed[L3].odd == ["2 copies of the same file"]


def test_the_work_folder_is_nobodys(tmp_path):
    put(tmp_path, {"ada.ipynb": lab(1), f"grading/submitted/x/{FILE}": lab(2), "grading/gradebook.db": "x"})
    assert found(read(tmp_path, {"old.zip": {f"eve/{FILE}": lab(3), "eve/class.csv": "id"}})).keys() >= {"ada"}
    assert "x" not in found(read(tmp_path))


# --- which lab it is


def test_the_lab_is_told_by_its_cells(tmp_path):
    received = read(tmp_path, {f"ada/{L9}.ipynb": lab(1), "bob/final.ipynb": lab(2, L9), "eve/x.ipynb": "{}"})
    assert found(received) == {"ada": {L3: "1"}, "bob": {L9: "2"}, "eve": {}}
    handed = received.submissions[0].handed[L3]
    assert handed.odd == [f"its name says {L9}, its cells are {L3}: graded as {L3}"]
    assert "no notebook of a lab" in received.submissions[2].problems[0]


@pytest.mark.parametrize("name", LABS)
@pytest.mark.parametrize("lost", ["metadata", "ids", "checks", "all but the heading", "everything"])
def test_signs_of_a_lab(name, lost):
    notebook = json.loads(TEXTS[name])
    for cell in notebook["cells"]:
        if lost != "checks":
            cell["metadata"] = {}
        if lost in ("ids", "all but the heading", "everything"):
            cell.pop("id", None)
        if lost in ("checks", "all but the heading", "everything") and "check(" in "".join(cell["source"]):
            cell["source"] = ["pass"]
    if lost == "everything":
        notebook["cells"][0]["source"] = ["# Mine"]
    assert contents.lab_of(json.dumps(notebook)) == (None if lost == "everything" else name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings(tmp_path, encoding):
    text = (
        lab("é")
        if encoding != "cp1252"
        else "\n".join(f"é{line}" if not k else line for k, line in enumerate([lab(1)]))
    )
    received = read(tmp_path, {"ada/lab_3_quantize.ipynb": text.encode(encoding, "replace")})
    assert list(received.submissions[0].handed) == [L3]


def test_a_lab_that_was_not_asked_for_is_said(tmp_path):
    received = read(tmp_path, {"ada/x.ipynb": lab(1)}, labs=[L9])
    assert received.submissions[0].problems == [f"only {L3} was handed in, which is not graded in this run"]


def test_a_very_large_notebook_loses_its_large_outputs(tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "LARGE", 100_000)
    notebook = json.loads(lab(1))
    cell = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    small = {"output_type": "stream", "name": "stdout", "text": ["small"]}
    cell["outputs"] = [small, {"output_type": "stream", "name": "stdout", "text": ["x" * 200_000]}]
    received = read(tmp_path, {f"ada/{FILE}": json.dumps(notebook)})
    handed = received.submissions[0].handed[L3]
    kept = next(c for c in json.loads(handed.text)["cells"] if c["id"] == cell["id"])
    assert kept["outputs"] == [small] and "1 very large outputs were left out" in handed.odd


# --- files beside the notebook


def test_files_travel_with_the_notebook(tmp_path):
    received = read(
        tmp_path,
        {
            "ada.zip": {
                f"w/{FILE}": lab(1),
                "w/helper.py": "x = 1",
                "w/data/a.csv": "1",
                "top.txt": "no",
                "w/n.ipynb": "{}",
            },
            f"bob_13_9002_{FILE}": lab(2),
            "bob_13_9003_helper.py": "old",
            "bob_13_9008_helper-1.py": "new",
            f"eve/{FILE}": lab(3),
            f"eve/{L4}.ipynb": lab(4, L4),
        },
    )
    files = {s.student: s.files for s in received.submissions}
    assert files["ada"][L3] == {"helper.py": b"x = 1", "data/a.csv": b"1", "n.ipynb": b"{}"}
    assert files["13"][L3]["helper.py"] == b"new" and files["13"][L3]["helper-1.py"] == b"new"
    assert files["eve"] == {L3: {}, L4: {}}, "labs are not helpers"


def test_files_that_may_not_travel(tmp_path, monkeypatch):
    monkeypatch.setattr(choose, "MOST_BYTES", 1000)
    archive = {
        FILE: lab(1),
        "../out.py": "x",
        "/abs.py": "x",
        "C:/drive.py": "x",
        "a\\b.py": "x",
        "big.bin": b"0" * 2000,
        f"{FILE}/inside.py": "x",
        "con.py": "ok",
        "clash": "x",
        "clash/y.py": "x",
    }
    (ada,) = read(tmp_path, {"ada.zip": archive}).submissions
    assert set(ada.files[L3]) <= {"a/b.py", "con.py", "clash", "clash/y.py"}
    assert not {"clash", "clash/y.py"} <= set(ada.files[L3]), "a file cannot be a folder too"
    assert "files beside it were left out" in ada.handed[L3].odd[0]


def test_links_are_not_followed(tmp_path):
    inside = put(tmp_path / "in", {f"ada/{FILE}": lab(1)})
    (inside / "link.ipynb").symlink_to(ROOT / "solutions" / L3 / FILE)
    (inside / "ada" / "secret.py").symlink_to(ROOT / "pyproject.toml")
    entry = zipfile.ZipInfo("secret.txt")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(inside / "bob.zip", "w") as archive:
        archive.writestr(FILE, lab(2))
        archive.writestr(entry, "/etc/passwd")
    received = read(inside)
    assert {s.student: s.files for s in received.submissions} == {"ada": {L3: {}}, "bob": {L3: {}}}


def test_nothing_is_written_beside_the_downloads(tmp_path):
    put(tmp_path / "in", {"mallory.zip": {f"../../{FILE}": lab(1), "/tmp/x.ipynb": "{}"}})
    received = read(tmp_path / "in")
    assert [s.student for s in received.submissions] == ["mallory"]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["in", "mallory.zip"]


# --- archives


def encrypted():
    content = bytearray(make_zip({FILE: "x"}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + place] |= 1
    return bytes(content)


def tar(mode, files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return stream.getvalue()


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"])
def test_tar_archives(tmp_path, ending):
    mode = {"tar": "w", "tar.gz": "w:gz", "tgz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz"}[ending]
    received = read(tmp_path, {f"ada.{ending}": tar(mode, {f"x/{FILE}": lab(1), "x/h.py": "y"})})
    (ada,) = received.submissions
    assert (ada.student, mark_of(ada.notebooks[L3]), ada.files[L3]) == ("ada", "1", {"h.py": b"y"})


def test_a_single_notebook_may_be_compressed(tmp_path):
    assert found(read(tmp_path, {"ada.ipynb.gz": gzip.compress(lab(1).encode())})) == {"ada": {L3: "1"}}


BAD_ARCHIVES = {
    "no zip": (b"no zip", "is damaged"),
    "empty": (b"", "is damaged"),
    "cut": (make_zip({FILE: lab(1)})[:2000], "is damaged"),
    "password": (encrypted(), "needs a password"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + b"0" * 40, "is a 7z archive"),
    "rar": (b"Rar!\x1a\x07\x01\x00" + b"0" * 40, "is a RAR archive"),
    "a page of the log-in": (b"<!DOCTYPE html><html>", "is a web page"),
    "a bomb in an archive": (make_zip({"x.zip": b"0" * 30_000_000}), "unpacks to too much"),
    "no lab": (make_zip({"essay.docx": b"x"}), "no notebook of a lab"),
}


@pytest.mark.parametrize("kind", BAD_ARCHIVES)
def test_a_bad_archive_is_one_sentence_and_harms_nobody(tmp_path, kind):
    content, part = BAD_ARCHIVES[kind]
    received = read(tmp_path, {"dan.zip": content, "ada.zip": {FILE: lab(1)}})
    ada, dan = received.submissions
    assert found(received)["ada"] == {L3: "1"} and (dan.student, dan.handed) == ("dan", {})
    assert len(dan.problems) == 1 and part in dan.problems[0] and "ZipInfo" not in dan.problems[0]


def test_a_damaged_file_in_an_archive_harms_only_itself(tmp_path):
    content = bytearray(make_zip({FILE: lab(1), f"{L4}.ipynb": lab(2, L4)}))
    place = content.index(FILE.encode()) + 400
    content[place : place + 20] = b"\0" * 20
    (ada,) = read(tmp_path, {"ada.zip": bytes(content)}).submissions
    assert list(ada.handed) == [L4] and any("cannot be read" in problem for problem in ada.problems)


WHOLE = {
    "zip": make_zip({FILE: lab(1), "h.py": "x" * 500, "in.zip": {f"{L4}.ipynb": lab(2, L4)}}),
    "tar": tar("w", {FILE: lab(1)}),
    "tgz": tar("w:gz", {FILE: lab(1), "h.py": "y"}),
    "tar.bz2": tar("w:bz2", {FILE: lab(1)}),
    "tar.xz": tar("w:xz", {FILE: lab(1)}),
    "ipynb": lab(1).encode(),
    "ipynb.gz": gzip.compress(lab(1).encode(), mtime=0),
}


def damage(content, drawn):
    """Return content with bytes changed, cut, inserted, zeroed, or changed in its last part."""
    content, place = bytearray(content), drawn.randrange(len(content))
    kind = drawn.choice(["change", "cut", "insert", "zero", "end"])
    if kind == "cut":
        return bytes(content[:place])
    if kind == "insert":
        content[place:place] = drawn.randbytes(drawn.randrange(1, 200))
    elif kind == "zero":
        content[place : place + 100] = bytes(100)
    else:
        for _ in range(drawn.choice([1, 3, 30])):
            content[drawn.randrange(len(content)) if kind == "change" else -drawn.randrange(1, 200)] = drawn.randrange(
                256
            )
    return bytes(content)


@pytest.mark.parametrize("kind", WHOLE)
def test_damage_of_any_kind_stays_with_its_owner(tmp_path, kind):
    for seed in range(15):
        content = damage(WHOLE[kind], random.Random(f"{kind} {seed}"))
        files = {f"dan.{kind}": content, "ada.ipynb": lab(7), "eve.zip": {FILE: lab(8)}}
        received = read(tmp_path / str(seed), files)
        assert table.show(received)
        students = {submission.student: submission for submission in received.submissions}
        assert (mark_of(students["ada"].notebooks[L3]), mark_of(students["eve"].notebooks[L3])) == ("7", "8")
        assert students["dan"].handed or students["dan"].problems, "said, or taken as it is"


def test_bounds(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_NOTEBOOK", 1000)
    (ada,) = read(tmp_path / "a", {"ada.zip": {FILE: b"0" * 2000}}).submissions
    assert "is larger than" in ada.problems[0]
    monkeypatch.setattr(archives, "MOST_ENTRIES", 10)
    (bob,) = read(tmp_path / "b", {"bob.zip": {f"{k}.ipynb": "{}" for k in range(20)}}).submissions
    assert "unpacks to too much" in bob.problems[0]
    monkeypatch.setattr(archives, "MOST_NESTED", 1000)
    (eve,) = read(tmp_path / "c", {"eve.tgz": tar("w:gz", {FILE: lab(1)})}).submissions
    assert "unpacks to too much" in eve.problems[0]
    monkeypatch.setattr(archives, "MOST_NESTED", 10**7)
    monkeypatch.setattr(archives, "MOST_NOTEBOOK", 10**7)
    monkeypatch.setattr(archives, "MOST_TOTAL", 20_000)
    many = {f"{k}.zip": make_zip({FILE: lab(k) + "x" * 10_000}) for k in range(8)}
    (gus,) = read(tmp_path / "e", {"gus.zip": make_zip(many)}).submissions
    assert L3 in gus.handed and "unpacks to too much" in gus.problems[0], "what was within the bounds counts"
    monkeypatch.setattr(archives, "MOST_TOTAL", 10**9)
    deep = {FILE: lab(1)}
    for k in range(6):
        deep = {f"{k}.zip": make_zip(deep)}
    (fay,) = read(tmp_path / "d", {"fay.zip": make_zip(deep)}).submissions
    assert "archives: unpack it" in fay.problems[0]


def test_more_archives_than_may_be_open(tmp_path):
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    put(tmp_path, {f"s{k}.zip": {FILE: lab(k)} for k in range(120)})
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, before[1]))
    try:
        received = read(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert len([s for s in received.submissions if L3 in s.handed]) == 120


def test_folders_in_folders_without_end(tmp_path):
    received = read(
        tmp_path, {"ada.zip": {f"{'a/' * 3000}{FILE}": lab(1)}, f"bob/{'b/' * 60}{FILE}": lab(2), "eve.ipynb": lab(3)}
    )
    assert {s.student for s in received.submissions} == {"ada", "bob", "eve"}
    assert "lies in more than 40 folders" in received.submissions[1].problems[0]


def test_names_that_are_no_unicode(tmp_path):
    put(tmp_path, {"eve.ipynb": lab(1)})
    try:
        with open(bytes(tmp_path) + b"/b\xf6b.ipynb", "wb") as stream:
            stream.write(lab(2).encode())
    except OSError:
        pytest.skip("this system has Unicode names only")
    received = inbox.read(tmp_path, LABS)
    inbox.store(received, tmp_path / "work")
    table.write(received, tmp_path / "work")
    assert len(received.submissions) == 2 and "\n".join(table.show(received)).encode()


def test_names_in_archives_of_other_systems(tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, k in ((f"王伟\\{FILE}", 1), (f"Zoe\u0308\\{FILE}", 2), (f"__MACOSX/Zoe\\._{FILE}", 3)):
            entry = zipfile.ZipInfo("x")
            entry.filename = name
            archive.writestr(entry, lab(k))
    raw = stream.getvalue()
    received = read(tmp_path, {"class.zip": raw})
    assert found(received) == {"王伟": {L3: "1"}, "Zoë": {L3: "2"}}


def test_a_damaged_class_zip_is_nobodys(tmp_path):
    received = read(tmp_path, {"submissions.zip": b"PK no", "bob.ipynb": lab(1)})
    assert found(received) == {"bob": {L3: "1"}} and "submissions.zip is damaged" in received.notes[0]


@pytest.mark.parametrize("make", [lambda p: p / "gone", lambda p: p], ids=["missing", "empty"])
def test_no_submissions(tmp_path, make):
    with pytest.raises(CourseError, match="There is no folder|is empty"):
        inbox.read(make(tmp_path), LABS)


# --- the roster

CLASS = "id,name,email,group,section,extra days\n007,Ada Lovelace,ada@x.org,g1,A,2\n8,Jan Novak,jan@x.org,,A,\n"
CLASS += "9,Jan Novak,novak@x.org,,B,\n10,李娜,li@x.org,,B,\n"


@pytest.mark.parametrize(
    ("name", "student"),
    [
        (f"lovelaceada_007_1_{FILE}", "007"),
        (f"lovelaceada_7_1_{FILE}", "007"),  # a spreadsheet lost the zeros somewhere
        (f"Ada Lovelace_555{MOODLE}_/{FILE}", "007"),  # by name
        (f"Lovelace, Ada(ada)/Submission attachment(s)/{FILE}", "007"),  # by the e-mail's first part
        (f"ada@x.org/{FILE}", "007"),
        (f"Lab 3_ada_attempt_2026-11-20-10-00-00_{FILE}", "007"),
        (f"Ada Lovelace - {FILE}", "007"),
        (f"李娜_99_1_{FILE}", "10"),
        (f"Jan Novak_556{MOODLE}_/{FILE}", "556"),  # two of that name: kept apart
        (f"novakjan_9_1_{FILE}", "9"),
        (f"stranger_44_1_{FILE}", "44"),
    ],
)
def test_the_roster_says_who_is_who(tmp_path, name, student):
    received = read(tmp_path, {name: lab(1)}, CLASS)
    assert [s.student for s in received.submissions] == [student]
    if student == "556":
        assert any("2 people in class.csv are called Jan Novak" in note for note in received.notes)
    if student in ("556", "44"):
        assert any("not in class.csv" in note for note in received.notes)
    else:
        assert received.submissions[0].person.id == student


def test_who_is_missing_is_said(tmp_path):
    received = read(tmp_path, {f"a_007_1_{FILE}": lab(1), f"b_10_2_{L4}.ipynb": lab(2, L4)}, CLASS)
    assert f"missing in {L3}: 3 of 4: Jan Novak, Jan Novak, 李娜" in received.notes
    assert f"missing in {L4}: 3 of 4: Ada Lovelace, Jan Novak, Jan Novak" in received.notes


def test_two_who_claim_one_name_are_kept_apart(tmp_path):
    names = "id,name\n1,Ada Lovelace\n2,Bob\n"
    received = read(
        tmp_path, {f"Ada Lovelace_5{MOODLE}_/{FILE}": lab(1), f"Ada Lovelace_6{MOODLE}_/{FILE}": lab(2)}, names
    )
    assert found(received) == {"5": {L3: "1"}, "6": {L3: "2"}}
    assert any("more than one may be Ada Lovelace" in note for note in received.notes)


def test_moodle_numbers_are_joined_by_the_roster(tmp_path):
    files = {f"Ada Lovelace_5{MOODLE}_/{FILE}": lab(1), f"Ada Lovelace_6{MOODLE}_/{L4}.ipynb": lab(2, L4)}
    assert found(read(tmp_path, files, "id,name\n1,Ada Lovelace\n")) == {"1": {L3: "1", L4: "2"}}


def test_moodle_numbers_are_joined_by_the_worksheets(tmp_path):
    header = "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Last modified (submission),"
    header += "Last modified (grade),Feedback comments\n"
    files = {f"Jan Novak_{k}{MOODLE}_/{FILE}": lab(k) for k in (5, 6)} | {
        f"Jan Novak_7{MOODLE}_/{L4}.ipynb": lab(7, L4),
        "Grades-Course-Lab 3-1.csv": header
        + 'Participant 5,Jan Novak,jan@x.org,Submitted,,16.00,"Friday, 20 November 2026, 10:00 AM",-,\n'
        + 'Participant 6,Jan Novak,novak@x.org,Submitted,,16.00,"Friday, 20 November 2026, 11:00 PM",-,\n',
        "Grades-Course-Lab 4-2.csv": header + "Participant 7,Jan Novak,novak@x.org,Submitted,,16.00,-,-,\n",
    }
    received = read(tmp_path, files)
    assert found(received) == {"jan@x.org": {L3: "5"}, "novak@x.org": {L3: "6", L4: "7"}}
    assert received.submissions[1].handed[L3].when.strftime("%d %H:%M") == "20 23:00"


HEADERS = {
    "semicolons of Excel": b"id;name;email\r\n007;Ada Lovelace;ada@x.org\r\n",
    "Excel's own first line": b"sep=;\r\nid;name;email\r\n007;Ada Lovelace;ada@x.org\r\n",
    "tabs": b"id\tname\temail\n007\tAda Lovelace\tada@x.org\n",
    "a mark in front": "\ufeffid,name,email\n007,Ada Lovelace,ada@x.org\n".encode(),
    "UTF-16": "id\tname\temail\n007\tAda Lovelace\tada@x.org\n".encode("utf-16"),
    "UTF-16 without a mark": "id;name;email\n007;Ada Lovelace;ada@x.org\n".encode("utf-16-le"),
    "quotes": b'"id","name","email"\n"007","Lovelace, Ada","ada@x.org"\n',
    "Canvas": b"Student,ID,SIS User ID,SIS Login ID,Section,Lab 3 (77)\n    Points Possible,,,,,16\n"
    b'"Lovelace, Ada",007,s7,ada,A,\n"Student, Test",99,,x,A,\n',
    "Moodle, participants": b"First name,Last name,ID number,Email address,Groups\nAda,Lovelace,007,ada@x.org,g\n",
    "Moodle, German": b"Vorname,Nachname,ID-Nummer,E-Mail-Adresse\nAda,Lovelace,007,ada@x.org\n",
    "Blackboard": b'"Last Name","First Name","Username","Student ID"\n"Lovelace","Ada","ada","007"\n',
    "Brightspace": b"OrgDefinedId,Username,Last Name,First Name,Email,End-of-Line Indicator\n"
    b"#007,#ada,Lovelace,Ada,ada@x.org,#\n",
    "Gradescope": b"First Name,Last Name,SID,Email,Sections\nAda,Lovelace,007,ada@x.org,\n",
    "Sakai": b"Display ID,ID,Last Name,First Name,grade\nada,007,Lovelace,Ada,\n",
    "other order and capitals": b"E-MAIL,Full Name,Platform ID,notes\nada@x.org,Ada Lovelace,007,likes cats\n",
    "numbers of other programs": b"id,name\n007.0,Ada Lovelace\n",
    "Windows' letters": "id;name;email\n007;Ada Lovelacé;ada@x.org\n".encode("cp1252"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_rosters(tmp_path, name):
    (person,) = roster_of(tmp_path, HEADERS[name]).people
    assert person.id == "007"
    assert roster.spellings(person.name) & (roster.spellings("Ada Lovelace") | roster.spellings("Ada Lovelacé"))


BAD_ROSTERS = {
    "no header": ("12,Ada,ada@x.org\n13,Bob,bob@x.org\n", "has no header"),
    "no id": ("name,section\nAda,A\n", "no column with the platform's id"),
    "doubles": ("id,name\n1,Ada\n2,Bob\n1,Eve\n", "has 1 twice, as Ada and Eve"),
    "double e-mail": ("id,name,email\n1,Ada,a@x.org\n2,Bob,A@x.org\n", "has A@x.org twice"),
    "empty": ("", "is empty"),
    "only a header": ("id,name\n", "names nobody"),
    "a row without id": ("id,name\n1,Ada\n,Bob\n", "row 3: Bob has no id"),
    "days": ("id,name,extra days\n1,Ada,three\n", "row 2: the extra days of Ada are 'three'"),
    "negative days": ("id,name,extra days\n1,Ada,-3\n", "the extra days of Ada"),
    "shortened": ("id,name\n1.23457E+11,Ada\n", "a spreadsheet shortened 1.23457E+11"),
    "a workbook": (make_zip({"xl/workbook.xml": "x"}), "is an Excel workbook"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", "is not text"),
}


@pytest.mark.parametrize("name", BAD_ROSTERS)
def test_bad_rosters_are_one_sentence(tmp_path, name):
    text, part = BAD_ROSTERS[name]
    with pytest.raises(CourseError) as raised:
        roster_of(tmp_path, text)
    assert part in str(raised.value) and "\n" not in str(raised.value)


def test_a_roster_or_settings_of_any_damage_are_read_or_refused(tmp_path):
    for seed in range(200):
        drawn = random.Random(seed)
        for name, read_it in (
            ("class.csv", inbox.read_roster),
            ("grading.toml", lambda path: settings.read_settings(path, LABS)),
        ):
            text = {"class.csv": CLASS, "grading.toml": TOML}[name]
            (tmp_path / name).write_bytes(damage(text.encode() * 3, drawn))
            with contextlib.suppress(CourseError):
                read_it(tmp_path / name)


def test_lost_zeros_are_told(tmp_path):
    received = read(tmp_path, {f"ada_007_1_{FILE}": lab(1)}, "id,name\n7,Ada\n")
    assert received.submissions[0].student == "7"
    assert "007 is 7 in class.csv but for zeros in front" in received.submissions[0].handed[L3].odd


def test_another_name_than_in_the_roster_is_said(tmp_path):
    received = read(tmp_path, {f"byronbob_007_1_{FILE}": lab(1)}, CLASS)
    assert "the roster calls 007 Ada Lovelace, the file byronbob" in received.submissions[0].handed[L3].odd


def test_a_group_hands_in_under_its_name(tmp_path):
    names = "id,name,group\n1,Ada,Team 1\n2,Bob,Team 1\n3,Eve,Team 2\n"
    received = read(tmp_path, {f"Team 1/{FILE}": lab(1), f"Team 2-Eve_77{MOODLE}_/{FILE}": lab(3)}, names)
    assert found(received) == {"1": {L3: "1"}, "2": {L3: "1"}, "3": {L3: "3"}}
    assert any("was handed in for the group Team 1" in note for note in received.notes)


def test_one_of_a_group_hands_in(tmp_path):
    names = "id,name,group\n1,Ada,g1\n2,Bob,g1\n3,Eve,g2\n"
    received = read(tmp_path, {f"ada_1_1_{FILE}": lab(1)}, names, f"[labs.{L3}]\ngroup = true\n")
    assert f"missing in {L3}: 1 of 3: Eve" in received.notes


# --- names in the gradebook


def test_students_are_never_merged_by_making_names_safe(tmp_path):
    put(tmp_path / "in", {f"a b/{FILE}": lab(1), f"a-b/{FILE}": lab(2), f"con/{FILE}": lab(3)})
    received = inbox.read(tmp_path / "in", LABS, work=tmp_path / "work")
    assert len({s.student for s in received.submissions}) == 3 and "con" not in found(received)
    inbox.store(received, tmp_path / "work")
    first = {s.id: s.student for s in received.submissions}
    put(tmp_path / "in", {f"a+b/{FILE}": lab(4)})
    again = inbox.read(tmp_path / "in", LABS, work=tmp_path / "work")
    assert first.items() <= {s.id: s.student for s in again.submissions}.items(), "names never change"
    assert len({s.student.casefold() for s in again.submissions}) == 4


def test_a_damaged_list_of_students_is_one_sentence(tmp_path):
    put(tmp_path / "in", {"ada.ipynb": lab(1)})
    put(tmp_path / "work", {"students.json": "{cut"})
    with pytest.raises(CourseError, match="students.json in the work folder is damaged"):
        inbox.read(tmp_path / "in", LABS, work=tmp_path / "work")


def test_a_roster_that_comes_later_joins_and_keeps_the_names(tmp_path):
    files = {
        f"Ada Lovelace_5{MOODLE}_/{FILE}": lab(1),
        f"Ada Lovelace_6{MOODLE}_/{L4}.ipynb": lab(2, L4),
        f"bob_13_9001_{FILE}": lab(3),
    }
    work = tmp_path / "work"
    put(tmp_path / "in", files)
    first = inbox.read(tmp_path / "in", LABS, work=work)
    inbox.store(first, work)
    assert set(found(first)) == {"5", "6", "13"}
    names = roster_of(tmp_path / "in", "id,name\nm1,Ada Lovelace\nm2,Bob\nm3,Eve\n")
    for _ in range(2):
        later = inbox.read(tmp_path / "in", LABS, roster=names, work=work)
        inbox.store(later, work)
        assert found(later) == {"5": {L3: "1", L4: "2"}, "13": {L3: "3"}}
        assert [s.student for s in later.absent] == ["m3"]
    stored = json.loads((work / "handed_in.json").read_text(encoding="utf-8"))
    assert {name for name, entry in stored.items() if not entry.get("joined")} == {"5", "13", "m3"}
    assert stored["5"]["name"] == "Ada Lovelace" and stored["6"]["joined"]


@pytest.mark.parametrize("text", ["../x", "a/b", "..", ".hidden", "a*b?", "[x]", "x" * 300, "", "  ", "a\nb", "-x"])
def test_safe_names(text):
    name = people.safe_name(text)
    assert name and len(name) <= 81 and not set(name) & set('/\\*?[]:<>|"\n ') and name[0] not in ".-"


def test_an_older_version_never_replaces_a_newer_one(tmp_path):
    put(tmp_path / "in", {f"ada_12_9007_{FILE}": lab("new")})
    first = inbox.read(tmp_path / "in", LABS, work=tmp_path / "work")
    inbox.store(first, tmp_path / "work")
    put(tmp_path / "old", {f"ada_12_9001_{FILE}": lab("old"), f"bob_13_9002_{FILE}": lab(2)})
    second = inbox.read(tmp_path / "old", LABS, work=tmp_path / "work")
    assert found(second) == {"12": {}, "13": {L3: "2"}}
    assert any("is older than ada_12_9007" in note for note in second.notes)
    inbox.store(second, tmp_path / "work")
    stored = json.loads((tmp_path / "work" / "handed_in.json").read_text(encoding="utf-8"))
    assert stored["12"]["labs"][L3]["source"] == f"ada_12_9007_{FILE}"
    assert found(inbox.read(tmp_path / "in", LABS, work=tmp_path / "work")) == {"12": {L3: "new"}}


# --- dates and grading.toml


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-01", "2026-12-01T23:59:59+01:00"),
        ("01.12.2026", "2026-12-01T23:59:59+01:00"),
        ("1.12.2026 18:00", "2026-12-01T18:00:00+01:00"),
        ("2026-12-01T23:59+01:00", "2026-12-01T23:59:00+01:00"),
        ("2026-12-01 18:00", "2026-12-01T18:00:00+01:00"),
        ("2026-12-01T18:00:00Z", "2026-12-01T18:00:00+00:00"),
        ("2026/12/01", "2026-12-01T23:59:59+01:00"),
        ("13/12/2026", "2026-12-13T23:59:59+01:00"),
        ("12/13/2026", "2026-12-13T23:59:59+01:00"),
        ("Dec 1, 2026 6:00 PM", "2026-12-01T18:00:00+01:00"),
        ("1 December 2026", "2026-12-01T23:59:59+01:00"),
        ("2026-07-01", "2026-07-01T23:59:59+02:00"),  # in summer
    ],
)
def test_dates(text, expected):
    assert dates.read_date(text, "x", dates.zone_of("Europe/Berlin")).isoformat() == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("01/12/2026", "can be read in two ways"),
        ("3-4-2026", "can be read in two ways"),
        ("2026-02-30", "There is no date"),
        ("31.11.2026", "There is no date"),
        ("tomorrow", "cannot be read"),
        ("1.12.26", "cannot be read"),
        ("25:00", "cannot be read"),
    ],
)
def test_dates_that_are_refused(text, part):
    with pytest.raises(CourseError, match=part) as raised:
        dates.read_date(text, "lab 3")
    assert "2026-12-01" in str(raised.value) and "lab 3" in str(raised.value)


BAD_SETTINGS = {
    "percent_per_dya = 3": "there is no key percent_per_dya: did you mean",
    "[late]\npercent_per_dya = 3": r"no key of \[late\] percent_per_dya: did you mean percent_per_day",
    "[labs.lab_3_quantise]\nweight = 2": "no lab lab_3_quantise: did you mean lab_3_quantize",
    f"[labs.{L3}]\ndeu = 2026-12-01": r"no key of \[labs.lab_3_quantize\] deu: did you mean due",
    f"[labs.{L3}]\ndue = 01.12.2026": "is not TOML .* in quotes",
    f"[labs.{L3}]\ndue = '01/12/2026'": "can be read in two ways",
    f"[labs.{L3}]\ndue = 20261201": "write a date",
    f"[labs.{L3}]\nweight = '2'": "write a number",
    f"[labs.{L3}]\nweight = -1": "write 0 or more",
    f"[labs.{L3}]\nweight = inf": "write 0 or more",
    f"[labs.{L3}]\ngroup = 'yes'": "write true or false",
    "[late]\npercent_per_day = 150": "write 0 to 100",
    "[late]\nmost_percent = true": "write a number",
    "[final]\ndrop_lowest = 1.5": "write a whole number",
    "[final]\nout_of = 0": "write a full mark",
    "late = 3": "write a table",
    f"labs = {{ {L3} = 3 }}": r"must be a table",
    "timezone = 'Berlin'": "There is no time zone",
}


@pytest.mark.parametrize("text", BAD_SETTINGS)
def test_bad_settings_are_one_sentence(tmp_path, text):
    (tmp_path / "grading.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match=BAD_SETTINGS[text]) as raised:
        settings.read_settings(tmp_path / "grading.toml", LABS)
    assert "\n" not in str(raised.value)


TOML = f"""timezone = "Europe/Berlin"
[late]
grace_minutes = 15
[labs.{L3}]
due = "20.11.2026 12:00"
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"Lab 3_bob_attempt_2026-11-20-11-59-00_{FILE}", "in time"),
        (f"Lab 3_bob_attempt_2026-11-20-12-14-00_{FILE}", "in time"),  # within the grace
        (f"Lab 3_bob_attempt_2026-11-21-13-30-00_{FILE}", "late by 1 d 1 h"),
        (f"Lab 3_ada_attempt_2026-11-21-13-30-00_{FILE}", "in time"),  # two extra days
        (f"bob_8_1_{FILE}", ""),
        (f"bob_LATE_8_1_{FILE}", "late, says Canvas"),
        (f"ada_LATE_1_1_{FILE}", "late, says Canvas (extension: 2 days)"),
        (f"B_Bob_bob_8/Verspaetete Abgabe - {FILE}", "late, says ILIAS"),
    ],
)
def test_on_time(tmp_path, name, expected):
    names = "id,name,login,extra days\n1,Ada,ada,2\n8,Bob,bob,\n"
    (submission,) = read(tmp_path, {name: lab(1)}, names, TOML).submissions
    assert submission.on_time[L3] == expected


# --- the table and the command


def test_the_table(tmp_path):
    received = read(tmp_path / "in", {f"王伟_13_9003_{FILE}": lab(1), "ada (1).ipynb": lab(2), "ada.ipynb": lab(3)})
    lines = table.show(received)
    assert "file" in lines[0] and "version" in lines[0]
    assert any(line.startswith("! ada (1).ipynb") and "2 of 2" in line for line in lines)
    assert "3 files in, 2 submissions of 2 students out; 1 with something odd (!)." in lines
    places = {
        table.width(line[: line.index("lab_3_quantize ", 50)]) for line in lines if "lab_3_quantize  " in line[50:]
    }
    assert len(places) == 1, "columns stand below each other, wide letters too"
    path = table.write(received, tmp_path / "work")
    with open(path, encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["student"], row["lab"], row["version"]) for row in rows] == [("13", L3, "1"), ("ada", L3, "2 of 2")]


def test_make_takes_a_folder_with_a_blank_in_its_name():
    if shutil.which("make") is None:
        pytest.skip("There is no make.")
    arguments = ["make", "-n", "grade", "SUBMISSIONS=Lab 2 of us", "GRADE_FLAGS=--yes"]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True)
    assert 'tflite_course.grading "Lab 2 of us" --yes' in done.stdout


def run_command(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tflite_course.grading", folder / "in", "--work", folder / "work"]
        + [*arguments, "--unsafe"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def test_the_inbox_alone_imports_nothing_heavy(tmp_path):
    put(tmp_path / "in", {"ada.ipynb": lab(1)})
    done = run_command(tmp_path, "--inbox-only")
    assert done.returncode == 0 and "1 file in, 1 submission of 1 student out." in done.stdout
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["inbox.csv"]
    assert not [
        name for name in ("nbgrader", "tensorflow", "sqlalchemy") if f"| {name}" in done.stderr.replace("  ", " ")
    ]


def test_nothing_runs_without_a_yes(tmp_path):
    put(tmp_path / "in", {"ada.ipynb": lab(1)})
    done = run_command(tmp_path)
    assert done.returncode == 1 and done.stderr.strip().endswith("look at the table, then add --yes.")
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["inbox.csv"]


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_a_no_grades_nothing(monkeypatch, answer):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    with pytest.raises(CourseError, match="Nothing was graded"):
        command._ask(3)
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    with contextlib.redirect_stdout(io.StringIO()):
        command._ask(3)


def test_no_folder_is_one_sentence(capsys):
    """`make grade` alone must not read the folder that it is called in."""
    with pytest.raises(SystemExit):
        command.main(["", "--inbox-only"])
    assert "give what your platform gave: make grade SUBMISSIONS=folder" in capsys.readouterr().err


def test_a_terminal_without_somebodys_letters(tmp_path):
    put(tmp_path / "in", {f"王伟_13_9003_{FILE}": lab(1)})
    arguments = [
        sys.executable,
        "-m",
        "tflite_course.grading",
        tmp_path / "in",
        "--work",
        tmp_path / "w",
        "--inbox-only",
    ]
    done = subprocess.run(arguments, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0 and b"1 file in" in done.stdout, done.stderr


def test_class_csv_and_grading_toml_lie_beside_the_submissions(tmp_path, capsys):
    put(tmp_path / "in", {f"ada_7_1_{FILE}": lab(1), "class.csv": "id,name\n7,Ada\n8,Bob\n", "grading.toml": TOML})
    command.main([str(tmp_path / "in"), "--work", str(tmp_path / "work"), "--inbox-only"])
    assert f"missing in {L3}: 1 of 2: Bob" in capsys.readouterr().out
    (tmp_path / "in" / "grading.toml").write_text("x = 1")
    with pytest.raises(SystemExit, match="grading.toml: there is no key x"):
        command.main([str(tmp_path / "in"), "--work", str(tmp_path / "work"), "--inbox-only"])
