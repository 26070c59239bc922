"""What the HTTP interfaces share: declared resources, routes, JSON in and out, errors by table, tokens.

`resource` declares what is listed and shown (`shape` what it looks like, `listing` what may be asked for);
`operations` carries out one request, which `router` and `direct` lead to it; `openapi` describes them all.
"""
