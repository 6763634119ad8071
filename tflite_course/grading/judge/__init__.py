"""The outside judge: what a submission answers is asked for over a socket and judged where it cannot reach.

A submission's cells run in its own kernel, in a sandbox. Its check cells never do: for each of them `execute` lets the
kernel evaluate the answer (`answers`), and a process of its own, in another sandbox, tries it (`process`). Values cross
as plain data (`wire`), functions as calls (`peer`), Keras models as a description of layers with weights (`models`).
What the submission prints, patches or replaces stays on its side; the points are written by `execute`.
"""
