"""Tables as tables: pandas in a notebook, plain text for the regression and the terminal."""

import hashlib
import html
import re

from tflite_course.errors import CourseError

NUMBER = re.compile(r"[-+−]?[\d.,]*\d( ?(%|[kM]i?B|bytes))?|")  # an empty cell does not decide
MARK = "▶ "  # before the row that matters: bold and colour alone do not reach everybody


class Table:
    """Rows as a pandas DataFrame (`frame`), shown as HTML with numbers to the right; str() gives text.

    mark: the first cell of the row that matters. caption: one line above the table.
    formats: {column: format such as "{:.2%}" or a function}.
    """

    def __init__(self, rows, *, mark=None, caption="", formats=None):
        import pandas as pd

        rows = [dict(row) for row in rows]
        if not rows:
            raise CourseError("There are no rows for a table: give a list of dicts, one for each row.")
        self.frame = pd.DataFrame(rows)
        self.caption, self.formats = caption, dict(formats or {})
        unknown = sorted(set(self.formats) - set(self.frame.columns))
        if unknown:
            raise CourseError(f"There is no column '{unknown[0]}': the columns are {', '.join(self.frame.columns)}.")
        names = [str(value) for value in self.frame.iloc[:, 0]]
        if mark is not None and str(mark) not in names:
            raise CourseError(f"There is no row '{mark}' to mark: the rows are {', '.join(names)}.")
        self.marked = None if mark is None else names.index(str(mark))

    def _right(self):
        """Return whether each column stands right: those of numbers, with or without a unit."""
        return [column in self.formats or all(map(NUMBER.fullmatch, texts)) for column, texts in self._columns()]

    def _columns(self):
        return zip(self.frame.columns, zip(*self.texts(), strict=True), strict=True)

    def texts(self):
        """Return the cells as text, a list of rows in the order of the columns."""
        return [
            [self._text(column, value) for column, value in zip(self.frame.columns, row, strict=True)]
            for row in self.frame.itertuples(index=False, name=None)
        ]

    def _text(self, column, value):
        form = self.formats.get(column)
        if form is not None:
            return form(value) if callable(form) else form.format(value)
        if isinstance(value, float):
            return "" if value != value else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
        return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)

    def __str__(self):
        body, columns = self.texts(), [str(column) for column in self.frame.columns]
        if self.marked is not None:
            body[self.marked][0] = MARK + body[self.marked][0]
        widths = [max(len(row[k]) for row in [columns, *body]) for k in range(len(columns))]
        right = self._right()
        lines = [
            "  ".join(cell.rjust(w) if r else cell.ljust(w) for cell, w, r in zip(row, widths, right, strict=True))
            for row in [columns, *body]
        ]
        return "\n".join([*([self.caption] if self.caption else []), *(line.rstrip() for line in lines)])

    __repr__ = __str__

    def _repr_html_(self):
        """Return the table as pandas writes it; its style sheet counts for this table alone."""
        import pandas as pd

        shown = pd.DataFrame(self.texts(), columns=[str(column) for column in self.frame.columns])
        if self.marked is not None:
            shown.iloc[self.marked, 0] = MARK + shown.iloc[self.marked, 0]
        named = "\n".join([self.caption, *shown.columns, *shown.iloc[:, 0]])  # the same on every run
        styler = shown.style.hide(axis="index").set_uuid(hashlib.sha256(named.encode()).hexdigest()[:10])
        styler = styler.format(escape="html", formatter=str)
        styler = styler.format_index(html.escape, axis="columns")
        sides = ["right" if right else "left" for right in self._right()]
        cells = [("white-space", "nowrap")]
        styler = styler.set_table_styles(
            {c: [{"selector": "", "props": [("text-align", s), *cells]}] for c, s in zip(shown, sides, strict=True)}
        )
        if self.marked is not None:
            rows = pd.IndexSlice[[self.marked], :]
            styler = styler.set_properties(subset=rows, **{"font-weight": "bold"})
        if self.caption:
            styler = styler.set_caption(html.escape(self.caption))
        return styler.to_html(doctype_html=False, table_attributes='class="dataframe"')


def table(rows, *, mark=None, caption="", formats=None):
    """Return rows as a table that a notebook shows as HTML and print() as text.

    rows: a list of dicts with the same keys, one for each row. mark: the first cell of the row that matters.
    caption: one line. formats: {column: format}, such as {"accuracy": "{:.2%}"}; a formatted column stands right.

    Raises CourseError for no rows, an unknown column and a row that is not there.
    """
    return Table(rows, mark=mark, caption=caption, formats=formats)
