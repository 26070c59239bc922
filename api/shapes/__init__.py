"""What interfaces show: one shape per resource, with the words under which people read it.

Types only, so that the command line loads them in a moment.
"""
