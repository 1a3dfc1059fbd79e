"""``omniroute schema``: every schema that we ship."""

import json
from pathlib import Path

from omniroute.config.schema import schema_text
from tests.cli.command import run
from tests.house.tree import ROOT

SHIPPED = {path.name: path.read_text("utf-8") for path in (ROOT / "schemas").glob("*.schema.json")}


def test_the_schema_of_the_configuration_is_printed() -> None:
    done = run("schema")
    assert done.exit_code == 0
    assert done.stdout == schema_text()
    assert json.loads(done.stdout)["title"] == "OmniRoute configuration"


def test_every_schema_is_written_into_a_directory(tmp_path: Path) -> None:
    done = run("schema", "--write", tmp_path / "new")
    assert (done.exit_code, done.stdout) == (0, "")
    assert {path.name: path.read_text("utf-8") for path in (tmp_path / "new").iterdir()} == SHIPPED
    assert [line.rpartition("/")[2] for line in done.stderr.splitlines()] == [
        "omniroute.schema.json",
        *sorted(SHIPPED.keys() - {"omniroute.schema.json"}),
    ]
    assert {"diagnostics.schema.json", "explanation.schema.json", "graph.schema.json"} < SHIPPED.keys()


def test_a_schema_that_is_out_of_date_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "omniroute.schema.json").write_text("{}")
    run("schema", "--write", tmp_path)
    assert (tmp_path / "omniroute.schema.json").read_text("utf-8") == schema_text()
