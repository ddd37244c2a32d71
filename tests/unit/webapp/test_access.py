"""Nobody may do anything that is not named."""

from types import SimpleNamespace

import pytest

from models.errors import Forbidden
from webapp.access import PERMISSIONS, Asker, is_token, may, require

ALICE = Asker("person:alice")
MINE = SimpleNamespace(tenant="default")
THEIRS = SimpleNamespace(tenant="elsewhere")


@pytest.mark.parametrize("permission", sorted(PERMISSIONS))
def test_a_permission_holds_inside_ones_own_tenant_only(permission: str) -> None:
    assert may(ALICE, permission)
    assert may(ALICE, permission, MINE)
    assert not may(ALICE, permission, THEIRS)
    assert not may(None, permission, MINE)


@pytest.mark.parametrize("permission", ["", "task:delete", "task", "*", "TASK:READ"])
def test_what_is_not_named_is_refused(permission: str) -> None:
    assert not may(ALICE, permission, MINE)
    with pytest.raises(Forbidden):
        require(ALICE, permission, MINE)


def test_a_subject_without_a_tenant_is_nobodys() -> None:
    assert not may(ALICE, "task:read", object())


@pytest.mark.parametrize(("given", "is_right"), [("secret", True), ("", False), ("secret ", False), ("sécret", False)])
def test_only_the_whole_token_is_the_token(given: str, is_right: bool) -> None:
    assert is_token(given, "secret") is is_right
