"""What is encrypted is read with any of the keys, and nothing of it is told where none fits."""

import pytest

from models.errors import Misconfigured
from models.secret import decrypt, encrypt, encrypt_again, masked

OLD, NEW = "o" * 32, "n" * 32
SECRET = "sk-0123456789abcdef-ü"


def test_any_of_the_keys_reads_and_the_first_writes() -> None:
    kept = encrypt(SECRET, [OLD])
    assert SECRET not in kept and kept != encrypt(SECRET, [OLD])
    assert decrypt(kept, "it", [NEW, OLD]) == SECRET
    again = encrypt_again(kept, "it", [NEW, OLD])
    assert decrypt(again, "it", [NEW]) == SECRET


@pytest.mark.parametrize("kept", [encrypt(SECRET, [OLD]), "", "no token", encrypt(SECRET, [NEW])[:-4] + "AAAA"])
def test_what_no_key_fits_is_an_error_that_says_whose_and_what_to_do(kept: str) -> None:
    with pytest.raises(Misconfigured, match="credential of the provider here: none of the encryption keys") as refused:
        decrypt(kept, "the provider here", [NEW])
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(("secret", "shown"), [(SECRET, "••••ef-ü"), ("short", "••••"), ("", "••••")])
def test_only_the_end_of_a_long_one_is_shown(secret: str, shown: str) -> None:
    assert masked(secret) == shown
