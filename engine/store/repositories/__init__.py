"""What people and their programs read and write: plain SQL, a module per family, every write audited."""
