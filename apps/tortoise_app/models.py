"""The twins' tables as Tortoise sees them; the seed script makes them, Tortoise never does."""

from tortoise.fields import CASCADE, CharField, DateField, IntField, OneToOneField, OneToOneRelation
from tortoise.models import Model

from apps.shared import models


class Task(Model):
    """Something to do."""

    id = IntField(primary_key=True)
    title = CharField(models.TITLE_LENGTH, null=True)
    due_date = DateField(null=True)

    class Meta:
        """Where its rows are."""

        table = models.Task.__tablename__


class Done(Model):
    """A row means that the task of this id is done; the database removes it with its task."""

    task: OneToOneRelation[Task] = OneToOneField(
        "todo.Task", related_name="mark", primary_key=True, source_field="id", on_delete=CASCADE
    )

    class Meta:
        """Where its rows are."""

        table = models.Done.__tablename__
