"""Scripts are made to start whichever Python is first where they are run."""

import pytest

from tools.packages.take import portable

LONG = "#!/bin/sh\n'''exec' \"/a very/long/python\" \"$0\" \"$@\"\n' '''\nimport a\n"


@pytest.mark.parametrize(
    ("start", "becomes"),
    [
        ("#!/base/python3.11\nimport a\n", "#!/usr/bin/env python3\nimport a\n"),
        (LONG, "#!/usr/bin/env python3\nimport a\n"),
        ("#!/bin/sh\necho\n", "#!/bin/sh\necho\n"),
        ("#!/base/python3.11-other\n", "#!/base/python3.11-other\n"),
        ("\x7fELF", "\x7fELF"),
        ("#!/bin/sh\n'''exec' ", "#!/bin/sh\n'''exec' "),
    ],
)
def test_first_line_is_rewritten(start: str, becomes: str) -> None:
    assert portable(start.encode(), "/base/python3.11") == becomes.encode()
