"""The effective configuration: everything that acts, and nothing else."""

import tomli_w

from omniroute.config.effective import effective
from tests.support.written import document, loaded

WHOLE = """
[providers.acme]
api_key = "env:ACME_KEY"

[providers.lingual]
base_url = "https://api.lingual.example"
formats = ["openai-chat", "openai-embeddings"]
auth = { header = "api-key" }
credentials = [{ name = "main", api_key = "env:MAIN" }]

[providers.queried]
formats = ["openai-chat"]
api_key = "file:queried.txt"

[providers.here]

[aliases]
"big-*" = "acme/*"

[combos.coding]
targets = ["acme/large", { model = "here/x", timeouts = { total = "1m" } }]

[keys.alice]
sha256 = "abababababababababababababababababababababababababababababababab"
expires = 2027-01-01
scopes = ["inference", "status"]
policy = "engineers"

[policies.engineers]
deny_models = ["here/y"]
rate = { concurrent = 3 }
budgets = ["team"]
schedule = { days = ["fri-mon"], hours = "22:00-06:00", timezone = "Europe/Berlin" }
allow_ips = ["10.0.0.0/8"]
system_prompt = { mode = "append", text = "Be brief." }

[budgets.team]
limit = "5 USD"
on_exceed = { downgrade = "here/x" }

[cache.exact]
ttl = "1h"
"""


def test_it_means_what_it_was_made_from() -> None:
    before = loaded(WHOLE)
    assert before.document is not None
    after = loaded(tomli_w.dumps(effective(before.document)), shipped=())
    assert before.snapshot is not None
    assert after.snapshot is not None
    assert after.snapshot.id == before.snapshot.id


def test_defaults_and_the_catalogue_are_written_out() -> None:
    shown = effective(document(WHOLE))
    assert shown["version"] == 1
    assert shown["reload"] == {"watch": True, "poll": "15s", "max_removed_percent": 50}
    assert shown["providers"]["acme"]["models"]["large"]["price"] == {"input": "1.00", "output": "2.00"}
    assert shown["providers"]["here"]["base_url"] == "embedded:here"
    assert shown["combos"]["coding"]["strategy"] == "priority"
    assert shown["combos"]["coding"]["targets"] == [
        "acme/large",
        {"model": "here/x", "weight": 1, "timeouts": {"total": "1m"}},
    ]
    assert shown["keys"]["alice"]["scopes"] == ["inference", "status"]


def test_how_keys_are_shown_and_asked_for_is_written_out_where_it_follows_from_the_rest() -> None:
    shown = effective(document(WHOLE))
    assert shown["server"]["require_api_key"] is True
    assert {name: each["auth"] for name, each in shown["providers"].items()} == {
        "acme": "bearer",
        "lingual": {"header": "api-key"},
        "queried": {"query": "key"},
        "here": "none",
    }
    assert effective(document("[providers.here]\n"))["server"]["require_api_key"] is False


def test_what_does_not_act_yet_and_what_is_absent_is_left_out() -> None:
    shown = effective(document(WHOLE))
    assert "tests" not in shown
    assert "proxy" not in shown["server"]
    assert "log_content" not in shown["policies"]["engineers"]
    assert "retention" not in shown["runtime"]
    assert "timeouts" not in shown["providers"]["acme"]
    assert "max_attempts" not in shown["combos"]["coding"]


def test_every_value_is_one_that_toml_has() -> None:
    def plain(value: object) -> bool:
        if isinstance(value, dict):
            return all(type(key) is str and plain(each) for key, each in value.items())
        if isinstance(value, list):
            return all(map(plain, value))
        return type(value).__module__ in {"builtins", "datetime"}

    assert plain(effective(document(WHOLE)))
