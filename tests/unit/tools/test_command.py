"""What a program's output becomes."""

import pytest

from tools import command
from tools.contract import Captured, Finished


def said(text: str) -> Captured:
    return Captured(text.encode(), b"", len(text.encode()))


@pytest.mark.parametrize(
    ("stdout", "result"),
    [
        ('working\n{"rows": 3}\n', {"rows": 3}),
        ('{"rows": 3}\n\n \n', {"rows": 3}),
        ('{"name": "Zoë"}', {"name": "Zoë"}),
        ("", None),
        ("done", None),
        ("[1, 2]", None),
        ('{"rows": 3} and more', None),
        ('{"rows": 3}\nworking', None),
        ('{"rows": NaN}', None),
        ('{"text": "a\\u0000b"}', None),
        ('{"text": "\\ud800"}', None),
        ('{"a":' * 100_000, None),
    ],
)
def test_result_is_a_last_line_that_is_an_object_every_database_takes(stdout: str, result: object) -> None:
    assert command.last_object(said(stdout)) == result


def test_output_never_loses_its_own_keys_to_a_program() -> None:
    output = command.as_result(Finished(3, said('{"exit_code": 0, "stdout": "x", "result": "y", "rows": 1}'))).output
    assert output["exit_code"] == 3
    assert output["stdout"].startswith("{")
    assert output["result"]["rows"] == output["rows"] == 1


def test_long_output_is_shortened_for_later_steps() -> None:
    output = command.as_result(Finished(0, said("a" * 100_000 + "b" * 100_000))).output
    assert len(output["stdout"]) < 70_000
    assert output["stdout"].startswith("aaa")
    assert output["stdout"].endswith("bbb")
    assert "characters left out" in output["stdout"]
