"""The answers to `engine.domain.lookups`, each class of them for many charge points by one statement."""
