"""Which releases did somebody tell us of?"""

from typing import ClassVar

from django.db import models

from tracestore.models.access import Project


class Release(models.Model):
    """A version of a service went out. key: what makes it one: the id its sender gave, else its content (hex)."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, db_column="project")
    key = models.CharField(max_length=64)
    service = models.CharField(max_length=256)
    version = models.CharField(max_length=256)
    environment = models.CharField(max_length=256, blank=True, default="")
    released_at = models.DateTimeField()
    name = models.CharField(max_length=256, blank=True, default="")
    url = models.CharField(max_length=1000, blank=True, default="")  # http or https
    commit = models.CharField(max_length=256, blank=True, default="")
    description = models.CharField(max_length=4000, blank=True, default="")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "release"
        constraints: ClassVar = [models.UniqueConstraint(fields=["project", "key"], name="release_one")]
        indexes: ClassVar = [models.Index(fields=["project", "released_at"], name="release_time")]
