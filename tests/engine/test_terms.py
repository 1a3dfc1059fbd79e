from omniroute.engine.terms import unix_micros


def test_the_clock_gives_microseconds_of_unix_time() -> None:
    assert 1_700_000_000_000_000 < unix_micros() < 5_000_000_000_000_000
