"""What a session's energy is: `live` while it runs, `verify` when it ends, `timeline` for when it charged."""
