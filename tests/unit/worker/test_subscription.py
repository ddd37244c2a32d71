"""What `--agent`, `--complexity` and `-Q` mean together."""

import pytest

from models.errors import InvalidInput
from worker import subscription as module
from worker.subscription import subscription


def test_range_means_exactly_its_levels_and_the_agents_queue() -> None:
    chosen = subscription("smith", "4-7", [])
    assert (chosen.lowest, chosen.highest) == (4, 7)
    assert chosen.queues == ("complexity.4", "complexity.5", "complexity.6", "complexity.7", "agent.smith")


def test_one_level_is_a_range_of_one() -> None:
    assert subscription("smith", "10", []).queues == ("complexity.10", "agent.smith")


def test_nothing_named_means_every_level() -> None:
    chosen = subscription("smith", None, [])
    assert (chosen.lowest, chosen.highest, len(chosen.queues)) == (1, 10, 11)


def test_named_queues_are_served_as_they_are_with_the_range_of_their_levels() -> None:
    chosen = subscription("smith", None, ["complexity.9", "capability.gpu", "complexity.2"])
    assert (chosen.lowest, chosen.highest) == (2, 9)
    assert chosen.queues == ("complexity.9", "capability.gpu", "complexity.2", "agent.smith")


def test_named_queues_without_levels_have_no_range() -> None:
    chosen = subscription("smith", None, ["agent.smith"])
    assert (chosen.lowest, chosen.highest, chosen.queues) == (None, None, ("agent.smith",))


def test_agent_without_a_name_is_named_after_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.socket, "gethostname", lambda: "Big.Iron-3.example.org")
    assert subscription(None, "3", []).agent == "big-iron-3-example-org"


@pytest.mark.parametrize("levels", ["0", "11", "7-4", "0-3", "4-11", "4-", "-4", "a-b", "4.5", "1-2-3", "٣"])
def test_range_that_makes_no_sense_is_refused_by_its_text(levels: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        subscription("smith", levels, [])
    assert refused.value.message.startswith(f"cannot use --complexity {levels}")


@pytest.mark.parametrize("name", ["Smith", "smith jones", "-smith", "a" * 81, "schmié"])
def test_name_that_would_break_a_queues_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        subscription(name, "1", [])


def test_range_and_queues_together_are_refused() -> None:
    with pytest.raises(InvalidInput):
        subscription("smith", "1-2", ["complexity.3"])
