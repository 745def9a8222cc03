"""The look as rules: what a page weighs, where colours stand, that everything can be read in both themes."""

import re
from itertools import product

import pytest
from django.conf import settings
from django.template import engines

CSS = settings.BASE_DIR / "static" / "css"
TEMPLATES = settings.BASE_DIR / "templates"
SHARED = ("tokens.css", "base.css")
OF_ONE_PAGE = sorted(path.name for path in CSS.glob("*.css") if path.name not in (*SHARED, "admin.css"))
LONGEST_STYLES = 35_000  # bytes that a page loads, before compression
TEMPLATE_NAMES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))
PAGES = [name for name in TEMPLATE_NAMES if not name.startswith("admin/")]
NAMED = r"white|black|red|green|blue|gr[ae]y|yellow|orange|purple|silver|navy|teal|maroon"


def without_comments(text):
    return re.sub(r"/\*.*?\*/|\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}", "", text, flags=re.DOTALL)


def source(name):
    return without_comments((TEMPLATES / name).read_text())


@pytest.mark.parametrize("name", OF_ONE_PAGE)
def test_the_styles_of_a_page_stay_small(name):
    weight = sum((CSS / part).stat().st_size for part in (*SHARED, name))

    assert weight < LONGEST_STYLES, f"{name} with {SHARED}: {weight} bytes"


@pytest.mark.parametrize("name", [name for name in PAGES if "{% block css %}<link" in source(name)])
def test_a_page_loads_one_file_of_its_own(name):
    block = re.search(r"\{% block css %\}(.*?)\{% endblock", source(name), re.DOTALL).group(1)

    assert block.count("<link") == 1, block


@pytest.mark.parametrize("name", TEMPLATE_NAMES)
def test_a_template_can_be_read_by_the_engine(name):
    engines["django"].get_template(name)


@pytest.mark.parametrize("name", TEMPLATE_NAMES)
def test_no_template_carries_style_or_script_of_its_own(name):
    text = source(name)

    assert re.findall(r"\sstyle\s*=|<style\b", text) == []
    assert re.findall(r"\son[a-z]+\s*=\s*[\"']|\shx-on|javascript:", text) == []
    assert [body for body in re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL) if body.strip()] == []
    assert re.findall(r"hx-trigger=\"[^\"]*\[", text) == [], "a filter of a trigger needs eval"


@pytest.mark.parametrize("path", [path for path in sorted(CSS.glob("*.css")) if path.name != "tokens.css"])
def test_no_colour_is_written_outside_tokens(path):
    text = without_comments(path.read_text())

    values = re.findall(r"#(?:[0-9a-fA-F]{3,4}){1,2}\b(?=[^{}]*[;}])|\b(?:rgba?|hsla?|oklch|oklab|lab|lch)\(", text)
    named = re.findall(rf":[^;{{}}]*\b({NAMED})\b(?=[^{{}}]*}})", text)
    assert (values, named) == ([], [])


@pytest.mark.parametrize("name", TEMPLATE_NAMES)
def test_no_template_names_a_colour(name):
    assert re.findall(r"\b(?:fill|stroke|color|bgcolor)=\"(?!none|currentColor|\{)[^\"]+\"", source(name)) == []


def styled_classes():
    text = "".join(path.read_text() for path in CSS.glob("*.css"))
    return set(re.findall(r"\.([a-zA-Z_][\w-]*)", without_comments(text)))


@pytest.mark.parametrize("name", PAGES)
def test_every_class_of_a_template_is_styled(name):
    written = " ".join(re.findall(r"class=\"((?:\{%.*?%\}|\{\{.*?\}\}|[^\"])*)\"", source(name)))
    plain = re.sub(r"\S*\{\{.*?\}\}\S*", " ", re.sub(r"\{%.*?%\}", " ", written))

    assert set(plain.split()) - styled_classes() == set(), "a hook for a script is a data attribute, not a class"


# Contrast, by computation

TOKENS = dict(
    re.findall(r"(--[\w-]+):\s*([^;]+);", without_comments((CSS / "tokens.css").read_text()).split("@media")[0])
)


def colour(name, theme):
    """The value of a token in a theme (0 light, 1 dark), as three numbers from 0 to 1."""
    value = TOKENS[name].strip()
    if pair := re.fullmatch(r"light-dark\((.+?), (.+?)\)", value):
        value = pair.group(theme + 1)
    if other := re.fullmatch(r"var\((--[\w-]+)\)", value):
        return colour(other.group(1), theme)
    return tuple(int(value[place : place + 2], 16) / 255 for place in (1, 3, 5))


def luminance(rgb):
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second, theme):
    lighter, darker = sorted((luminance(colour(name, theme)) for name in (first, second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


GROUNDS = ("--bg", "--surface", "--sunken", "--raised", "--hover")
TEXT = [
    *product(("--ink", "--ink-2", "--ink-3", "--accent", "--accent-strong"), GROUNDS),
    *product(("--ok", "--warn", "--bad", "--p3-ink", "--p4-ink"), GROUNDS),
    *product(("--ink", "--ink-2", "--accent", "--accent-strong"), ("--tint",)),
    *product(("--ink", "--ink-2", "--ink-3"), ("--p0-tint", "--bad-tint", "--warn-tint", "--ok-tint")),
    *product(("--ink",), ("--who-1", "--who-2", "--who-3", "--who-4", "--who-5", "--who-6", "--line", "--tint-line")),
    ("--warn", "--tint"), ("--bad", "--tint"), ("--bad", "--p0-tint"), ("--warn", "--p0-tint"),
    ("--ok", "--ok-tint"), ("--warn", "--warn-tint"), ("--bad", "--bad-tint"),
    ("--p0-ink", "--p0"), ("--p1-ink", "--p1"), ("--p2-ink", "--p2"), ("--on-fill", "--fill"),
    ("--on-fill", "--fill-strong"), ("--on-fill", "--kind"), ("--drill-ink", "--drill"), ("--kind-ink", "--kind"),
    ("--bg", "--ink"),
]  # fmt: skip
CONTROLS = [
    *product(("--control", "--focus"), GROUNDS),
    *product(("--fill",), ("--bg", "--surface")),
    ("--focus", "--tint"), ("--c0", "--surface"), ("--p3-line", "--surface"), ("--p2-line", "--surface"),
]  # fmt: skip


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("pair", TEXT, ids=" on ".join)
def test_text_can_be_read(pair, theme):
    assert contrast(*pair, theme) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("pair", CONTROLS, ids=" on ".join)
def test_a_control_can_be_seen(pair, theme):
    assert contrast(*pair, theme) >= 3
