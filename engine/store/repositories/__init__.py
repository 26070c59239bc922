"""What is more than a listing or an edit: the odd statements of people and programs, all writes audited."""
