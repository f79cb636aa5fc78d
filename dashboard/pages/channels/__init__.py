"""Who is told of alerts: the channels of a project, and the way out of its mail."""
