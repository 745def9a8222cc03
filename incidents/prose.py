"""Markdown as people write it, made into safe HTML (R-85)."""

from functools import lru_cache

import markdown
import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString
from markdown.extensions import Extension

TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h3", "h4", "h5", "hr", "li", "ol", "p", "pre", "strong",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
HEADINGS_DOWN = {"h1": "h3", "h2": "h4"}
MARK_START, MARK_END = "⟦", "⟧"  # around the hits of a search, before ``marked``
LONGEST = 200_000  # characters; what is longer is shown as plain text


class LiteralTags(Extension):
    """HTML is no part of our Markdown: a tag that somebody typed is shown as typed, and swallows nothing after it."""

    def extendMarkdown(self, md: markdown.Markdown) -> None:  # noqa: N802
        """Leave out what would pass HTML through."""
        md.preprocessors.deregister("html_block")
        md.inlinePatterns.deregister("html")


def render(text: str) -> SafeString:
    """Return the text as HTML in which nothing can run: no script, no style, no image, only http(s) and mail links."""
    return _render(text)


def marked(text: str) -> SafeString:
    """Return plain text as HTML with the hits of a search marked."""
    return SafeString(escape(text).replace(MARK_START, "<mark>").replace(MARK_END, "</mark>"))


@lru_cache(maxsize=4096)
def _render(text: str) -> SafeString:
    if len(text) > LONGEST:
        return SafeString(f"<pre>{nh3.clean_text(text)}</pre>")
    html = markdown.markdown(text, extensions=["sane_lists", "fenced_code", "tables", "nl2br", LiteralTags()])
    for above, below in HEADINGS_DOWN.items():
        html = html.replace(f"<{above}>", f"<{below}>").replace(f"</{above}>", f"</{below}>")
    return SafeString(
        nh3.clean(html, tags=TAGS, attributes={"a": {"href", "title"}}, url_schemes={"http", "https", "mailto"})
    )
