"""A store full of believable traces, for measuring: two weeks of several agents, drawn from a seed. Pure; see the command."""
