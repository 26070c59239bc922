"""HTTP and the command line. Speaks to the engine through `engine.node.Node`; holds no rules and no SQL."""
