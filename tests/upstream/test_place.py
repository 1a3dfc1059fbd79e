"""Where a URL leads."""

import pytest

from omniroute.upstream.place import Place, locate, origin_of, origins_of
from omniroute.upstream.port import Phase, SendError


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (
            "http://127.0.0.1:8080/v1/chat?a=b#c",
            Place("http://127.0.0.1:8080", False, "127.0.0.1", 8080, "127.0.0.1:8080", "/v1/chat?a=b"),
        ),
        (
            "https://API.example.com",
            Place("https://api.example.com:443", True, "api.example.com", 443, "api.example.com", "/"),
        ),
        ("HTTP://h:80/", Place("http://h:80", False, "h", 80, "h", "/")),
        ("http://h:443/", Place("http://h:443", False, "h", 443, "h:443", "/")),
        ("https://[::1]:8443?q", Place("https://[::1]:8443", True, "::1", 8443, "[::1]:8443", "/?q")),
        (
            "http://bücher.example/ü b%20c",
            Place(
                "http://xn--bcher-kva.example:80",
                False,
                "xn--bcher-kva.example",
                80,
                "xn--bcher-kva.example",
                "/%C3%BC%20b%20c",
            ),
        ),
        ("http://h/a\x00b\u2028", Place("http://h:80", False, "h", 80, "h", "/a%00b%E2%80%A8")),
    ],
)
def test_a_url_is_taken_apart(url: str, place: Place) -> None:
    assert locate(url) == place
    assert origin_of(url) == place.origin


def test_urls_on_one_server_have_one_origin_and_what_leads_nowhere_has_none() -> None:
    assert origins_of(["http://h/v1", "http://h:80/v2", "https://h/", "embedded:echo"]) == {
        "http://h:80",
        "https://h:443",
    }


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://h/", "must begin with http:// or https://, not 'ftp'"),
        ("h/x", "must begin with"),
        ("https:///x", "names no host"),
        ("http://h:99999/", "cannot be used"),
        ("http://[::1/", "cannot be used"),
        (f"http://{'ü' * 70}.example/", "cannot be used"),
        ("http://user:sk-secret@h/", "the URL of h holds user information"),
    ],
)
def test_what_leads_nowhere_is_told_without_its_secrets(url: str, words: str) -> None:
    with pytest.raises(SendError) as caught:
        locate(f"{url}?key=sk-secret")
    assert caught.value.phase is Phase.CONNECT
    assert words in caught.value.detail
    assert "sk-secret" not in caught.value.detail


def test_a_request_line_cannot_be_broken_out_of() -> None:
    target = locate("http://h/a b\r\nx: y\n\t\x7f?q=\r\n").target
    assert target.isascii()
    assert target.isprintable()
    assert " " not in target
