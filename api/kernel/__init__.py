"""What the HTTP applications share: routes from tables, JSON in and out, errors by table, bearer tokens."""
