"""What web.fetch takes out of pages and PDFs, in the sandbox, whatever they were made for."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from models.errors import SandboxUnavailable
from tests.support import servers
from tests.support.boxed import Box
from tests.support.servers import Page, Site
from tools import identity, sandbox
from tools.contract import MIB, Context, Limits, ToolResult
from tools.network.reach import Network
from tools.registry import find
from tools.sandbox.choice import NoSandbox
from tools.workspace import Workspace

HTML = {"Content-Type": "text/html; charset=utf-8"}
ARTICLE = """<!doctype html><html lang="en"><head><title>On Tides | Sea Times</title>
<meta name="author" content="Ada Lovelace"><meta name="description" content="How tides work">
<meta property="article:published_time" content="2024-03-05T10:00:00Z">
<meta property="og:site_name" content="Sea Times"></head>
<body><nav><a href="/home">Home</a></nav><article><h1>On Tides</h1>
<p>The moon pulls the water of the sea, and so there are two tides each day in most places of the world.</p>
<p>A day has <b>24</b> hours and <a href="/moon#x">50 minutes</a> as the moon counts. It is called Mond in Köln.</p>
<a href="javascript:alert(1)">never</a><a href="mailto:a@b.example">mail</a>
</article><script>var secret = "not text";</script></body></html>"""


@pytest.fixture
def site(authority: trustme.CA) -> Iterator[Site]:
    with servers.serving(authority) as site:
        yield site


@pytest.fixture
def context(tmp_path: Path, tool_env: Path, site: Site, bundle: Path) -> Iterator[Context]:
    """With the strongest sandbox of this host."""
    with identity.lent() as owner:
        workspace = Workspace.create(tmp_path / "workspaces", "w1", "# A test\n", owner)
        yield of_box(Box(workspace, sandbox.choose(), tool_env), site, bundle)
        workspace.remove()


def of_box(box: Box, site: Site, bundle: Path) -> Context:
    network = Network(local=frozenset({site.at}), ca_bundle=bundle)
    return box.context(network=network, limits=Limits(wall_s=90))


def run(context: Context, url: str, **arguments: Any) -> ToolResult:
    tool = find("web.fetch")
    return tool.run(tool.parse({"url": url, **arguments}), context)


def pdf(*texts: str) -> bytes:
    """A small PDF, a page for each text."""
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(len(texts)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(texts)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for at, text in enumerate(texts):
        drawn = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * at} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    objects.append("<< /Title (Tide tables) /Author (Harbour Office) /CreationDate (D:20230102030405Z) >>")
    body, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n{each}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"trailer << /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>"
    return (
        body + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}\nstartxref\n{len(body)}\n%%EOF".encode()
    )


def test_page_is_saved_with_its_text_and_what_it_says_about_itself(box: Box, site: Site, bundle: Path) -> None:
    context = of_box(box, site, bundle)
    site.pages["/tides"] = Page(ARTICLE.encode(), headers=HTML)
    output = run(context, site.url("/tides"), text_limit=40).output
    assert output["text_problem"] is None
    said = {name: output[name] for name in ("title", "author", "date", "site", "description", "language")}
    assert said == {"title": "On Tides", "author": "Ada Lovelace", "date": "2024-03-05", "site": "Sea Times",
                    "description": "How tides work", "language": "en"}  # fmt: skip
    whole = context.workspace.read_bytes(output["text_path"]).decode()
    assert output["text_path"].endswith(".md") and whole.startswith(output["text"])
    assert len(output["text"]) == 40 and output["text_length"] == len(whole)
    assert "24" in whole and "Köln" in whole and "not text" not in whole
    assert [link["url"] for link in output["links"]] == [site.url("/home"), site.url("/moon")]
    assert list(output)[-1] == "links" and len(run(context, site.url("/tides"), links_limit=1).output["links"]) == 1
    assert context.workspace.read_bytes(output["path"]) == ARTICLE.encode()


def test_text_of_a_pdf_is_taken_out_page_by_page(context: Context, site: Site) -> None:
    site.pages["/t"] = Page(pdf("High water at noon", "Low water at six"), headers={"Content-Type": "application/pdf"})
    output = run(context, site.url("/t")).output
    assert (output["title"], output["author"], output["date"]) == ("Tide tables", "Harbour Office", "2023-01-02")
    assert output["pages"] == 2 and output["text_path"].endswith(".txt")
    assert output["text"] == "## Page 1\n\nHigh water at noon\n\n## Page 2\n\nLow water at six\n"


@pytest.mark.parametrize(
    ("body", "kind", "problem"),
    [
        (b"%PDF-1.4\n%%EOF", "application/pdf", "damaged"),
        (b"%PDF-1.7\n" + b"\xff" * 5000, "text/plain", "damaged"),
        pytest.param(pdf(""), "application/pdf", "", marks=pytest.mark.long),
        pytest.param(b"", "text/html", "no page in it", marks=pytest.mark.long),
        (b"<html><body></body></html>", "text/html", "no text in it"),
        (b"\x00\x01\x02", "application/zip", "no reader for application/zip"),
    ],
    ids=["empty pdf", "pdf of noise", "blank pdf", "empty", "blank page", "zip"],
)
def test_what_has_no_text_is_saved_and_says_so(
    context: Context, site: Site, body: bytes, kind: str, problem: str
) -> None:
    site.pages["/x"] = Page(body, headers={"Content-Type": kind})
    result = run(context, site.url("/x"))
    assert result.exit_code == 0 and context.workspace.read_bytes(result.output["path"]) == body
    if problem:
        assert problem in result.output["text_problem"] and result.output["text_path"] is None


def test_page_that_was_made_to_be_slow_or_large_costs_its_sandbox_and_no_more(context: Context, site: Site) -> None:
    site.pages["/deep"] = Page(b"<html><body>" + b"<div>" * 200_000 + b"deep words here", headers=HTML)
    deep = run(context, site.url("/deep"))
    assert deep.exit_code == 0
    bomb = b"<< /Filter [" + b" /FlateDecode" * 3 + b" ] >>"
    site.pages["/bomb"] = Page(b"%PDF-1.4\n" + bomb * 10_000, headers={"Content-Type": "application/pdf"})
    assert run(context, site.url("/bomb")).output["text_problem"]
    tight = replace(context, limits=replace(context.limits, memory_bytes=36 * MIB))
    site.pages["/page"] = Page(ARTICLE.encode(), headers=HTML)
    result = run(tight, site.url("/page"))
    assert result.exit_code == 0 and result.output["text_problem"], result.output


def test_host_that_cannot_isolate_reads_no_page_and_can_still_save_it(context: Context, site: Site) -> None:
    site.pages["/page"] = Page(ARTICLE.encode(), headers=HTML)
    bare = replace(context, sandbox=NoSandbox({}))
    with pytest.raises(SandboxUnavailable):
        run(bare, site.url("/page"))
    output = run(bare, site.url("/page"), readable=False).output
    assert (output["text"], output["text_problem"]) == ("", "it was not asked for")
