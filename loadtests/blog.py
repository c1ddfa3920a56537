"""The blog scenarios, with images: ``locust -f loadtests/blog.py BlogMix --host http://127.0.0.1:8001``.

They expect the seeded posts 1 to 200 and leave rows and images as they found them.
"""

from collections.abc import Iterator
from typing import Any

from locust import task
from own_row import OwnRowUser

SEEDED_POSTS = 200
LIST_LIMIT = 10
SMALLEST_IMAGE, LARGEST_IMAGE = 1_024, 50 * 1_024  # bytes
PNG = b"\x89PNG\r\n\x1a\n"


class BlogUser(OwnRowUser):
    """Someone who reads posts and writes some; says how each request is made, not when."""

    abstract = True

    def read_one(self) -> None:
        self.client.get(f"/blogs/{self.dice.randint(1, SEEDED_POSTS)}", name="/blogs/{id}")

    def read_list(self) -> None:
        self.client.get(f"/blogs?limit={LIST_LIMIT}", name=f"/blogs?limit={LIST_LIMIT}")

    def create(self) -> int | None:
        response = self.client.post("/blogs", **self.form("Under load"))
        return response.json()["id"] if response.status_code == 201 else None

    def changes(self, row_id: int) -> Iterator[None]:
        """Another text and another image, in place of the former."""
        self.client.put(f"/blogs/{row_id}", name="/blogs/{id}", **self.form("Mended"))
        yield

    def path(self, row_id: int) -> tuple[str, str]:
        return f"/blogs/{row_id}", "/blogs/{id}"

    def form(self, title: str) -> dict[str, Any]:
        """A post with an image of 1 to 50 KB, of which only the beginning is one."""
        rest = self.dice.randint(SMALLEST_IMAGE, LARGEST_IMAGE) - len(PNG)
        return {
            "data": {"title": title, "author": "Ada", "content": "A request waits more than it works."},
            "files": {"image": ("picture.png", PNG + self.dice.randbytes(rest), "image/png")},
        }


class BlogRead(BlogUser):
    """One post by its id."""

    @task
    def next_request(self) -> None:
        self.read_one()


class BlogWrite(BlogUser):
    """Create with an image, replace it, delete."""

    @task
    def next_request(self) -> None:
        self.write()


class BlogMix(BlogUser):
    """Seven reads in ten requests, in a fixed order."""

    @task
    def next_request(self) -> None:
        self.mixed()
