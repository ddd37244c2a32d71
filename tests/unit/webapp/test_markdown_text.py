"""A model's answer on a page: Markdown is laid out, and nothing in it reaches the browser as code."""

import pytest

from webapp.markdown_text import shown


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Hello **you** and `x < 1`", "<p>Hello <strong>you</strong> and <code>x &lt; 1</code></p>"),
        ("# Result\nFine.", "<h3>Result</h3>\n<p>Fine.</p>"),
        ("### Deep\n###### Deeper\n# Top", "<h3>Deep</h3>\n<h4>Deeper</h4>\n<h3>Top</h3>"),
        ("- one\n- two\n  - deep", "<ul><li>one</li><li>two\n<ul><li>deep</li></ul></li></ul>"),
        ("3. three\n4. four", "<ol start=3><li>three</li><li>four</li></ol>"),
        ("> said\n> twice", "<blockquote><p>said<br>twice</p></blockquote>"),
        ("2 * 3 * 4 and a_b_c", "<p>2 * 3 * 4 and a_b_c</p>"),
        ("*so* _it_ is", "<p><em>so</em> <em>it</em> is</p>"),
        ("", ""),
    ],
)
def test_markdown_is_laid_out(text: str, html: str) -> None:
    assert shown(text) == html


def test_a_table_becomes_one_whatever_its_rows_lack() -> None:
    html = shown("| a | b |\n| --- | :-: |\n| 1 | 2 | 3 |\n| x |")
    assert "<th scope=col>a</th><th scope=col>b</th>" in html
    assert "<td>1</td><td>2</td></tr><tr><td>x</td></tr>" in html


def test_code_stays_as_it_was_written_even_where_its_fence_is_never_closed() -> None:
    assert "<b>**no**</b>" not in shown("```html\n<b>**no**</b>")
    assert "&lt;b&gt;**no**&lt;/b&gt;" in shown("```html\n<b>**no**</b>")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[press](javascript:alert(1))",
        "[press](data:text/html,x)",
        '![x](https://a.example/x.png" onerror=alert)',
        '[x](https://a.example/"onmouseover=alert)',
        "<https://a.example/<img src=x onerror=y>>",
        "**<img src=x>**",
        "| <i>a | b |\n|---|---|\n| <i>x | y |",
    ],
)
def test_nothing_that_a_browser_acts_on_comes_through(text: str) -> None:
    html = shown(text)
    for refused in ("<script", "<img", "<i>", 'href="javascript', 'href="data', '" onerror', '"onmouseover'):
        assert refused not in html


def test_links_lead_to_the_web_and_tell_it_nothing() -> None:
    html = shown("See [the page](https://a.example/x) and https://b.example/y.")
    assert html.count('rel="noopener noreferrer nofollow"') == 2
    assert ">https://b.example/y</a>." in html


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000, "*a" * 20_000, "> " * 5_000 + "x", "- " * 5_000, "|-" * 20_000, "_" * 50_000,
        "a" + "|a" * 800 + "\n|-|\n" + "|\n" * 800,
        "a" + "|a" * 800 + "\n-" + "|-" * 800 + "\n" + "|\n" * 800,
        "a" + "|a" * 49 + "\n-" + "|-" * 49 + "\n" + "|\n" * 5_000,
    ],
)  # fmt: skip
def test_an_answer_made_to_hang_a_page_does_not(text: str) -> None:
    assert 0 < len(shown(text)) < 500_000


@pytest.mark.parametrize("text", ["a | b\n|---|\n1 | 2", "a" + "|a" * 50 + "\n-" + "|-" * 50])
def test_what_has_no_columns_that_fit_is_no_table(text: str) -> None:
    assert "<table>" not in shown(text)
