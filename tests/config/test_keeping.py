"""What may be kept of a configuration's files: whatever holds no secret."""

import pytest

from omniroute.config.keeping import keepable
from omniroute.config.source import Source

SECRET = "sk-planted-0123456789abcdef"
HEAD = '[providers.house]\nbase_url = "http://10.0.0.7:8000/v1"\nformats = ["openai-chat"]\n'


def test_a_text_with_references_only_is_kept_to_the_letter() -> None:
    text = f'{HEAD}api_key = "env:HOUSE_KEY"\r\ntimeouts = {{ first_token = "2s" }}  # quick\n'
    assert keepable(Source("routes.toml", text)) == ("routes.toml", text)


@pytest.mark.parametrize(
    "line",
    [
        f'base_url = "https://{SECRET}.example.com/v1"  # omniroute: allow(OR4001) a test',
        'headers = { Cookie = "session=1" }  # omniroute: allow(OR4001) not a secret',
        'headers = { "x-tenant" = "Bearer aaaabbbbccccdddd" }',
        'headers = { x-token = "s\\u006b-planted-0123456789abcdef" }',
        f"# it was {SECRET} until Monday",
        '# api_key = "hunter2hunter2"',
        'base_url = "http://me:hunter2@10.0.0.7/v1"',
    ],
)
def test_a_text_in_which_a_secret_may_stand_is_not_kept_though_a_comment_allows_it(line: str) -> None:
    assert keepable(Source("routes.toml", f"[providers.house]\n{line}\n")) == ("routes.toml", None)


def test_of_what_cannot_be_read_nobody_knows() -> None:
    assert keepable(Source("broken.toml", "[oops\n")) == ("broken.toml", None)


def test_keys_of_clients_are_known_by_their_hash_which_is_no_secret() -> None:
    text = f'[keys.alice]\nsha256 = "{"ab" * 32}"\n'
    assert keepable(Source("keys.toml", text)) == ("keys.toml", text)
