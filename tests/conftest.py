"""What holds for every test: property tests have no deadline, because these machines are shared."""

from hypothesis import settings

settings.register_profile("house", deadline=None)
settings.load_profile("house")
