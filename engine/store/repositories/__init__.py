"""What people and their programs read and write: plain SQL, one module per family, every write with an audit row."""
