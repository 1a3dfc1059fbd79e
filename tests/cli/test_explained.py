import json

from omniroute.cli.explained import VERSION, document, noted


def test_what_is_not_known_of_a_past_request_is_null_in_the_document() -> None:
    assert json.loads(document(None, {"status": 200})) == {
        "format_version": VERSION,
        "explanation": None,
        "past": {"status": 200},
    }


def test_a_document_is_one_of_whole_lines() -> None:
    assert document(None).endswith("}\n")
    assert not document(None).endswith("\n\n")


def test_notes_are_sentences_below_an_empty_line() -> None:
    assert noted(("the keys are not looked at", "so it is")) == "\nNote: the keys are not looked at.\nNote: so it is.\n"
