"""mrkdwn becomes the HTML that it means, and never anything else."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwatch.sandbox.markup import safe_url
from loopwatch.sandbox.mrkdwn import mrkdwn, plain_text

ALLOWED = {
    "blockquote": set(),
    "b": set(),
    "i": set(),
    "code": set(),
    "pre": set(),
    "br": set(),
    "span": {"class"},
    "a": {"href", "target", "rel"},
}
pieces = st.sampled_from(
    [
        *"*_`~<>&|\"'\n!@# ",
        "```",
        "&lt;",
        "&amp;",
        "&amp;lt;",
        "https://a.example/x?a=1&b=2",
        "<https://a.example|label>",
        "javascript:alert(1)",
        "<javascript:alert(1)|x>",
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<!date^1^{date}|then>",
        "<@U1>",
        "<#C1|general>",
        ":warning:",
        "word",
        "\ue000",
        "\u202e",
        "\x00",
        "é",
    ]
)
texts = st.one_of(st.lists(pieces, max_size=25).map("".join), st.text(max_size=60))


class Reader(HTMLParser):
    """Collects what a browser would make of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a start tag."""
        self.tags.append((tag, dict(attrs)))
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that it closes what was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.words += data

    def handle_comment(self, data: str) -> None:
        """There are no comments."""
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        """There are no declarations."""
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        """There are no processing instructions."""
        raise AssertionError(data)


@given(texts)
def test_nothing_but_known_tags_comes_out(text: str) -> None:
    """Whatever the text is: known tags, closed in order, links only to safe places."""
    reader = Reader(mrkdwn(text))
    assert reader.open == []
    for tag, attributes in reader.tags:
        assert set(attributes) <= ALLOWED[tag]
        if tag == "a":
            assert safe_url(attributes["href"]) is not None


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "Zs"]), max_size=60))
def test_text_without_markup_is_shown_as_it_is(text: str) -> None:
    """Letters, digits and spaces come out as they went in."""
    assert Reader(mrkdwn(text)).words.split() == text.split()


@given(st.text(max_size=60))
def test_plain_text_has_no_tags_but_line_breaks(text: str) -> None:
    """Where no markup is meant none is made."""
    assert {tag for tag, _ in Reader(plain_text(text)).tags} <= {"br"}


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*bold* and _italic_", "<b>bold</b> and <i>italic</i>"),
        ("*_both_*", "<b><i>both</i></b>"),
        ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
        ("* not bold *", "* not bold *"),
        ("`a *b* <c|d>`", "<code>a *b* &lt;c|d&gt;</code>"),
        ("```one\n_two_```", "<pre>one\n_two_</pre>"),
        ("one\ntwo", "one<br>two"),
        ("a &lt; b &amp; c", "a &lt; b &amp; c"),
        ("<script>", "<span>script</span>"),
        ("<@U123> <#C1|general> <!here>",
         ('<span class="mention">@U123</span> <span class="mention">#general</span> '
         '<span class="mention">@here</span>')),
        ("<!date^1712345678^{date_short}|5 April>", "5 April"),
        (":red_circle: :no_such:", "🔴 :no_such:"),
        ("so:\n> *it*\n&gt; is", "so:<blockquote><b>it</b><br>is</blockquote>"),
        ("1 > 0", "1 &gt; 0"),
    ],
)  # fmt: skip
def test_markup(text: str, html: str) -> None:
    """Bold, italic, code, mentions, dates and escapes are rendered as Slack does."""
    assert mrkdwn(text) == html


@pytest.mark.parametrize(
    ("text", "href", "words"),
    [
        ("<https://x.example/_a_?b=1&amp;c=2|the *trace*>",
         "https://x.example/_a_?b=1&c=2", "the *trace*"),
        ("see https://x.example/a.", "https://x.example/a", "see https://x.example/a."),
        ("*<https://x.example|bold link>*", "https://x.example", "bold link"),
        ("<mailto:a@x.example|write>", "mailto:a@x.example", "write"),
    ],
)  # fmt: skip
def test_links(text: str, href: str, words: str) -> None:
    """Links lead where they say, with their label."""
    reader = Reader(mrkdwn(text))
    assert [a["href"] for tag, a in reader.tags if tag == "a"] == [href]
    assert reader.words == words


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "JAVASCRIPT:x", "data:text/html,x", "//x.example",
            "/x", "java\nscript:x", "https://x.example/\x00", "http://[", None, 5]
)  # fmt: skip
def test_unsafe_links_are_none(url: object) -> None:
    """Only web and mail addresses are followed."""
    assert safe_url(url) is None
