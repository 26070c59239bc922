"""Reference pages that a program writes: from declarations, and from what tests say that they prove."""
