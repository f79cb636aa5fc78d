"""Objectives as code: the OpenSLO v1 format, read strictly or leniently, mapped onto ours and back. Pure."""
