"""Shared by the protocol's tests: one hypothesis profile, bounded so that all schemas together take seconds."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "protocol", deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("protocol")
