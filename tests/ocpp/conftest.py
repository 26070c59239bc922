"""Shared by the protocol's tests: one hypothesis profile, so bounded that all schemas take seconds."""

from hypothesis import settings

settings.register_profile("protocol", settings.get_profile("voltrio"), max_examples=25)
settings.load_profile("protocol")
