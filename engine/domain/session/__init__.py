"""The life of a charging session: what was told of it, what that makes of it, how it ends."""
