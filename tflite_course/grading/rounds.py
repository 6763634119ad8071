"""One run of the grading command around the grading itself: what has to be done, and what is written afterwards."""

from dataclasses import dataclass

from tflite_course.grading import gradebook, lab_changes, records, regrade


@dataclass
class Round:
    """tasks: what has to be graded. said: sentences for the person. known: {(lab, student): record}."""

    tasks: list
    said: list
    known: dict


def begin(work, tasks, **chosen):
    """Return the Round of the tasks of all that was handed in.

    Upgrades the gradebook, takes over what was marked since the last run, and releases labs that are new or changed.
    chosen: what regrade.chosen_by() returned. Raises CourseError for a gradebook that cannot be used, a lab that cannot
    be released, and a name that nothing has.
    """
    upgraded = gradebook.check_database(work)
    known = regrade.synchronize(work)
    said = lab_changes.renew(work, sorted({task["lab"] for task in tasks}))
    given = {(task["lab"], task["student"]) for task in tasks}
    lost = sorted(key for key, record in known.items() if record.get("missing") and key not in given)
    if lost:
        names = ", ".join(f"{student} {lab}" for lab, student in lost[:3]) + ", ..." * (len(lost) > 3)
        said.append(
            f"{len(lost)} graded submissions are not in the gradebook ({names}): hand them in with the others once "
            "more, and their marks by hand come back."
        )
    left, changed = regrade.choose(tasks, known=known, **chosen)
    return Round(left, [*([upgraded] if upgraded else []), *said, *changed], known)


def end(work, this):
    """Take over the marks of what was graded, and write marks_log.csv; return {(lab, student): record}."""
    if this.tasks:
        this.known = regrade.synchronize(work)
    records.write_log(work, this.known)
    return this.known


def write_pages(work, known, report=print):
    """Write the feedback pages that do not show the marks of now; one that cannot be made is a line, and tried again.

    known: what end() returned; report: is given the line.
    """
    left = regrade.without_page(work, known)
    if not left:
        return
    from tflite_course.grading import feedback

    for problem in feedback.write_pages(work, left, lambda *key: regrade.remember_page(work, known, *key)):
        report(problem)
