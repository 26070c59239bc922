"""Shared by the protocol's tests: one hypothesis profile, so bounded that all schemas take seconds."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "protocol", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("protocol")
