"""Answers in code of a class against each other, without what the lab itself gives.

The text of a program is compared as its tokens: names that the answer itself binds count as one, so that another choice
of names hides nothing; comments, strings that document, and layout do not count. Runs of tokens that stand in the
released lab, or in the answers of many, are left out. What is left is compared by winnowed fingerprints, after
Schleimer, Wilkerson and Aiken, "Winnowing: local algorithms for document fingerprinting", SIGMOD 2003,
https://doi.org/10.1145/872757.872770.
"""

import ast
import builtins
import hashlib
import io
import keyword
import tokenize
from collections import Counter
from itertools import combinations

RUN, WINDOW = 8, 4  # tokens of a run; so every common run of RUN + WINDOW - 1 tokens is found
FEWEST = 12  # fingerprints of one's own: fewer are alike by chance
ALIKE = 0.5  # the share that is reported
COMMON, COMMON_AT_LEAST = 0.1, 4  # a run that so many of a class have is how one writes it
SKIPPED = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.TYPE_COMMENT,
}
KEPT = set(keyword.kwlist) | set(dir(builtins))


def tokens(source):
    """Return the tokens of Python source as a list of text; of source that is not Python, its words."""
    own, documents = _bound(source)
    found, before = [], None
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in SKIPPED or (token.type == tokenize.STRING and token.start[0] in documents):
                continue
            text = token.string
            if token.type in (tokenize.INDENT, tokenize.DEDENT):
                text = "<" if token.type == tokenize.INDENT else ">"
            elif token.type == tokenize.NAME and text in own and text not in KEPT and before != ".":
                text = "name"
            found.append(text)
            before = text
    except (tokenize.TokenError, SyntaxError, IndentationError):
        return source.split()
    return found


def _bound(source):
    """Return (the names that a source binds, the lines of its docstrings)."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(), set()
    own, lines = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
        elif isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            own.add(node.name)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines |= set(range(node.lineno, node.end_lineno + 1))
    return own, lines


def runs(source):
    """Return the hashes of all runs of eight tokens of a source, in order."""
    words = tokens(source)
    return [_hash("\0".join(words[k : k + RUN])) for k in range(len(words) - RUN + 1)]


def _hash(text):
    """Return a hash that is the same in every process, so that every run chooses the same fingerprints."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big")


def winnow(hashes):
    """Return the fingerprints of a list of hashes: the smallest of each window of four, a set."""
    if len(hashes) < WINDOW:
        return set(hashes)
    return {min(hashes[k : k + WINDOW]) for k in range(len(hashes) - WINDOW + 1)}


def find_alike(answers, given=()):
    """Return [(student, other, share, [exercises])], the most alike first.

    answers: {student: {exercise: source}}. given: sources of the released lab, whose runs of tokens do not count.
    share: of the fingerprints of the two together, how many both have (Jaccard, 0 to 1); from 0.5 on a pair is listed,
    with the exercises that have most to do with it. Answers with fewer than 12 fingerprints of their own are left out.
    """
    known = {run for source in given for run in runs(source)}
    own = {s: {e: set(runs(text)) - known for e, text in sorted(parts.items())} for s, parts in answers.items()}
    counts = Counter(run for parts in own.values() for run in set().union(*parts.values()))
    most = max(COMMON_AT_LEAST - 1, COMMON * len(own))
    marks = {}
    for student, parts in own.items():
        rare = {
            e: winnow([run for run in runs(answers[student][e]) if run in part and counts[run] <= most])
            for e, part in parts.items()
        }
        marks[student] = (set().union(*rare.values()), rare)
    found = []
    for one, two in combinations(sorted(marks), 2):
        (mine, parts), (theirs, others) = marks[one], marks[two]
        if min(len(mine), len(theirs)) < FEWEST:
            continue
        common = mine & theirs
        share = len(common) / len(mine | theirs)
        if share >= ALIKE:
            weights = {e: len(parts[e] & others.get(e, set())) for e in parts}
            found.append((one, two, share, sorted((e for e in weights if weights[e]), key=lambda e: -weights[e])))
    return sorted(found, key=lambda pair: (-pair[2], *pair[:2]))
