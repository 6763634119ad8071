"""HTML of what students wrote and what their code showed, without anything that runs or loads from elsewhere."""

import re
from html import escape as html_of
from urllib.parse import unquote

# of every page that this package writes: nothing runs, and only pictures that stand in the page are shown
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp|svg\+xml);base64,", re.I)
ELSEWHERE = "<em>(a picture from elsewhere, which is not loaded)</em>"
MOST_LETTERS, MOST_BRACKETS = 500_000, 2_000  # mistune's time grows with the square of open brackets
CELLS = {"colspan", "rowspan", "scope", "align"}


def clean(html):
    """Return HTML with its tables, lists, links and pictures, without scripts, handlers, styles and foreign addresses.

    A picture stays when its data stands in the page; another one leaves its alternative text. Headers without text
    become plain cells.
    """
    import nh3

    attributes = {tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()}
    attributes |= {"th": CELLS, "td": CELLS}
    found = nh3.clean(
        html,
        attributes=attributes,
        url_schemes={"http", "https", "mailto", "data"},
        attribute_filter=_keep,
    )
    found = re.sub(r"<th[^>]*>\s*</th>", "<td></td>", found)
    found = re.sub(r"<thead>\s*<tr>(?:\s*<td></td>)+\s*</tr>\s*</thead>", "", found)
    found = re.sub(r"<img(?![^>]*\bsrc=)[^>]*>", ELSEWHERE, found)
    return re.sub(r"<img(?![^>]*\balt=)", '<img alt="A picture"', found)


def _keep(tag, attribute, value):
    address = value.strip().lower()
    if tag == "img" and attribute == "src":
        return value if PICTURE.match(address) else None
    if attribute in ("src", "srcset", "cite", "background") or address.startswith("data:"):
        return None
    return value


def markdown(source, attachments=None):
    """Return Markdown as clean HTML. attachments: {name: {type: base64}} of its cell; their pictures are shown.

    A text that would take a parser of Markdown minutes is shown as it was typed.
    """
    from nbconvert.filters import markdown2html

    pictures = {
        name: f"data:{kind};base64,{data}"
        for name, bundle in (attachments or {}).items()
        for kind, data in list(bundle.items())[:1]
    }

    def show(match):
        name = match[1] or match[2]
        return pictures.get(name) or pictures.get(unquote(name)) or "#"

    typed = re.sub(r"data:image/[^)\s\"'>]+", "", source)
    if len(typed) > MOST_LETTERS or typed.count("[") > MOST_BRACKETS:
        return f"<pre>{html_of(typed[:MOST_LETTERS])}</pre>"
    source = re.sub(r"<attachment:([^<>\n]+)>|attachment:([^)\s\"'<>]+)", show, source)
    return re.sub(r"<a[^>]*>¶</a>", "", clean(markdown2html(source)))  # nbconvert's link behind each heading


def without_headings(html):
    """Return HTML in which headings are bold lines, so that those of the page keep their order."""
    return re.sub(r"<h[1-6]>(.*?)</h[1-6]>", r"<p><strong>\1</strong></p>", html, flags=re.S)


def lower_headings(html):
    """Return HTML of the course with all headings one level lower: the page has the first."""
    return re.sub(r"<(/?)h([1-5])>", lambda tag: f"<{tag[1]}h{int(tag[2]) + 1}>", html)
