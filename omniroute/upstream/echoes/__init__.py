"""What the embedded upstream ``echo`` answers, a module for each wire format; ``core`` is what they share.

They write the documented shapes themselves and import no codec, so that a codec can be tried against them.
"""
