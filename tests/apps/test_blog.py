"""The blog API on each arm, and what its image uploads leave on disk."""

import httpx
import pytest

from tests.apps.servers import RunningApp

pytestmark = pytest.mark.database

LIMIT_BYTES = 100_000  # UPLOAD_LIMIT_BYTES of the arms under test
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
POST = {"title": "On waiting", "author": "Émile", "content": "A request waits more than it works."}

Upload = dict[str, tuple[str, bytes]]


def image(name: str = "photo.png", content: bytes = PNG) -> Upload:
    return {"image": (name, content)}


@pytest.fixture(autouse=True)
def no_other_files(app: RunningApp) -> None:
    for name in app.stored_files():
        (app.uploads / name).unlink()


def test_a_post_without_an_image_is_stored_and_read_back(client: httpx.Client, app: RunningApp) -> None:
    created = client.post("/blogs", data=POST)

    assert created.status_code == 201
    assert created.json() == {"id": created.json()["id"], **POST, "image": None}
    assert client.get(f"/blogs/{created.json()['id']}").json() == created.json()
    assert app.stored_files() == []


def test_an_image_is_stored_whole_and_goes_with_its_post(client: httpx.Client, app: RunningApp) -> None:
    created = client.post("/blogs", data=POST, files=image()).json()

    assert app.stored_files() == [created["image"]]
    assert (app.uploads / created["image"]).read_bytes() == PNG
    assert client.delete(f"/blogs/{created['id']}").status_code == 200
    assert app.stored_files() == []
    assert client.get(f"/blogs/{created['id']}").status_code == 404


def test_an_update_keeps_the_image_until_it_brings_another(client: httpx.Client, app: RunningApp) -> None:
    created = client.post("/blogs", data=POST, files=image("old.png")).json()
    path = f"/blogs/{created['id']}"

    kept = client.put(path, data=POST | {"title": "Changed"})
    replaced = client.put(path, data=POST, files=image("new.png", PNG + b"new"))

    assert kept.status_code == replaced.status_code == 200
    assert kept.json() == {**created, "title": "Changed"}
    assert replaced.json()["image"].startswith("new-")
    assert app.stored_files() == [replaced.json()["image"]]
    assert (app.uploads / replaced.json()["image"]).read_bytes() == PNG + b"new"


@pytest.mark.parametrize(
    "name",
    [
        "../../x.png",
        "/etc/cron.d/x.png",
        "..\\..\\x.png",
        "x\x00.png",
        ".png.png",
        "🖼️.png",
        "x" * 3000 + ".png",
        "a b;rm -rf $HOME.png",
        ".....png",
    ],
)
def test_no_name_leaves_the_upload_folder(client: httpx.Client, app: RunningApp, name: str) -> None:
    created = client.post("/blogs", data=POST, files=image(name))

    assert created.status_code == 201
    assert app.stored_files() == [created.json()["image"]]
    assert set(created.json()["image"].removesuffix(".png")) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
    )
    assert [path.name for path in app.uploads.parent.iterdir() if path.suffix == ".png"] == []


def test_the_same_name_twice_overwrites_nothing(client: httpx.Client, app: RunningApp) -> None:
    first = client.post("/blogs", data=POST, files=image()).json()
    second = client.post("/blogs", data=POST, files=image(content=PNG + b"2")).json()

    assert len({first["image"], second["image"]}) == 2
    assert (app.uploads / first["image"]).read_bytes() == PNG


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("photo.jpg", b"\xff\xd8\xff\xe0" + bytes(20)),
        ("photo.JPEG", b"\xff\xd8\xff\xe0" + bytes(20)),
        ("photo.gif", b"GIF89a" + bytes(20)),
        ("photo.webp", b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(20)),
    ],
)
def test_other_kinds_of_images_are_taken(client: httpx.Client, name: str, content: bytes) -> None:
    assert client.post("/blogs", data=POST, files=image(name, content)).status_code == 201


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("photo.png", b"#!/bin/sh"),
        ("photo.png", b""),
        ("photo.gif", PNG),
        ("photo", PNG),
        ("photo.svg", b"<svg onload=alert(1)>"),
        ("photo.png/", b"\x89PN"),
    ],
)
def test_what_is_no_image_is_a_415_and_leaves_nothing(
    client: httpx.Client, app: RunningApp, name: str, content: bytes
) -> None:
    before = app.schema.row_counts()

    refused = client.post("/blogs", data=POST, files=image(name, content))

    assert (refused.status_code, list(refused.json())) == (415, ["detail"])
    assert app.stored_files() == []
    assert app.schema.row_counts() == before


def test_an_image_may_be_as_large_as_the_limit_and_not_a_byte_larger(
    client: httpx.Client, app: RunningApp
) -> None:
    largest = PNG + bytes(LIMIT_BYTES - len(PNG))

    taken = client.post("/blogs", data=POST, files=image("largest.png", largest))
    refused = client.post("/blogs", data=POST, files=image("larger.png", largest + b"x"))

    assert taken.status_code == 201
    assert (refused.status_code, list(refused.json())) == (413, ["detail"])
    assert app.stored_files() == [taken.json()["image"]]


def test_an_image_far_above_the_limit_is_not_even_read(client: httpx.Client, app: RunningApp) -> None:
    refused = client.post("/blogs", data=POST, files=image(content=PNG + bytes(10 * LIMIT_BYTES)))

    assert (refused.status_code, list(refused.json())) == (413, ["detail"])
    assert app.stored_files() == []


def test_an_image_for_a_post_that_is_not_there_leaves_nothing(client: httpx.Client, app: RunningApp) -> None:
    refused = client.put("/blogs/999999", data=POST, files=image())

    assert (refused.status_code, refused.json()) == (404, {"detail": "Blog not found"})
    assert app.stored_files() == []


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"title": "x", "author": "x"}, "body.content"),
        (POST | {"title": ""}, "body.title"),
        (POST | {"title": "x" * 201}, "body.title"),
        (POST | {"author": "x" * 101}, "body.author"),
        (POST | {"content": "x" * 10_001}, "body.content"),
    ],
)
def test_a_field_that_is_missing_or_too_long_is_named(
    client: httpx.Client, data: dict[str, str], field: str
) -> None:
    refused = client.post("/blogs", data=data)

    assert refused.status_code == 422
    assert field in refused.json()["detail"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nbroken"),
        ("multipart/form-data; boundary=x", b"nonsense"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\n\xff\xfe',
        ),
        ("multipart/form-data; boundary=" + "x" * 500, b""),
        ("application/json", b"{}"),
        ("application/x-www-form-urlencoded", b"%ff%fe=%00"),
    ],
)
def test_a_malformed_form_is_refused_in_the_one_shape(
    client: httpx.Client, app: RunningApp, content_type: str, body: bytes
) -> None:
    before = app.schema.row_counts()

    refused = client.post("/blogs", content=body, headers={"content-type": content_type})

    assert refused.status_code in (400, 422)
    assert list(refused.json()) == ["detail"]
    assert app.schema.row_counts() == before


def test_text_is_data_and_never_sql(client: httpx.Client) -> None:
    nasty = {"title": "'); DROP TABLE blogs; --", "author": ":author %s", "content": "a\\'b"}

    created = client.post("/blogs", data=nasty)

    assert created.status_code == 201
    assert (
        client.get(f"/blogs/{created.json()['id']}").json() == created.json() == {**created.json(), **nasty}
    )


def test_a_nul_in_a_post_is_stored_or_where_the_database_cannot_leaves_nothing(
    client: httpx.Client, app: RunningApp
) -> None:
    before = app.schema.row_counts()

    created = client.post("/blogs", data=POST | {"content": "a\x00"}, files=image())

    if app.arm.product == "mysql":
        assert client.get(f"/blogs/{created.json()['id']}").json()["content"] == "a\x00"
    else:
        kept = client.put("/blogs/1", data=POST | {"author": "\x00"}, files=image())
        for refused in (created, kept):
            assert (refused.status_code, list(refused.json())) == (422, ["detail"])
        assert app.stored_files() == []
        assert app.schema.row_counts() == before


def test_the_list_is_ordered_and_bounded(client: httpx.Client) -> None:
    listed = client.get("/blogs", params={"limit": 2, "offset": 100}).json()

    assert [post["id"] for post in listed] == [101, 102]
    assert set(listed[0]) == {"id", "title", "author", "content", "image"}
    assert client.get("/blogs?limit=0").status_code == 422
