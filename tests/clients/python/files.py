import asyncio
import io
import tempfile
from pathlib import Path

import openai
from stage import async_client, behaviour, client, raised, strict_client

CONTENT = bytes(range(256)) + b'\r\n--boundary--\r\n{"a":1}\r\n'


def upload(file, purpose="user_data", **more):
    return strict_client().files.create(file=file, purpose=purpose, **more)


def delete(*ids):
    for file_id in ids:
        assert strict_client().files.delete(file_id).deleted is True


@behaviour("uploads a file from all that it takes for one, and downloads the same bytes")
def all_kinds():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sent.bin"
        path.write_bytes(CONTENT)
        with path.open("rb") as opened:
            kinds = {
                "a path": path,
                "an open file": opened,
                "a name with bytes": ("sent.bin", CONTENT),
                "a name with a stream": ("sent.bin", io.BytesIO(CONTENT)),
                "a name with a type": ("sent.bin", CONTENT, "application/x-anything"),
            }
            for kind, file in kinds.items():
                sent = upload(file)
                assert (sent.bytes, sent.filename, sent.purpose) == (len(CONTENT), "sent.bin", "user_data"), kind
                assert client().files.content(sent.id).read() == CONTENT, kind
                delete(sent.id)
    nameless = upload(CONTENT)
    assert nameless.bytes == len(CONTENT) and nameless.filename
    delete(nameless.id)


@behaviour("uploads to an async client, and pages through its files")
def async_files():
    async def run():
        async with async_client() as asynchronous:
            sent = [
                await asynchronous.files.create(file=(f"{index}.txt", b"a"), purpose="vision") for index in range(3)
            ]
            found = [file.id async for file in asynchronous.files.list(purpose="vision", limit=2, order="asc")]
            content = await asynchronous.files.content(sent[0].id)
            return [file.id for file in sent], found, content.read()

    sent, found, content = asyncio.run(run())
    assert found == sent and content == b"a"
    delete(*sent)


@behaviour("gets the name of a file back as it was, whatever is in it")
def names():
    for name in ["wörld 🦙.jsonl", 'with "quotes" and spaces.txt', "a;b=c.txt"]:
        sent = upload((name, CONTENT))
        retrieved = strict_client().files.retrieve(sent.id)
        delete(sent.id)
        assert retrieved.filename == name, retrieved.filename


@behaviour("says when a file expires")
def expires():
    sent = upload(("short.txt", CONTENT), expires_after={"anchor": "created_at", "seconds": 3600})
    assert sent.expires_at == sent.created_at + 3600
    delete(sent.id)


@behaviour("lists files page by page, and through all pages at once, in both orders")
def pages():
    ids = [upload((f"{index}.txt", b"a"), "assistants").id for index in range(5)]
    listed = strict_client().files
    first = listed.list(purpose="assistants", order="asc", limit=2)
    assert [file.id for file in first.data] == ids[:2] and first.has_more
    assert first.has_next_page()
    assert [file.id for file in first.get_next_page().data] == ids[2:4]
    assert [file.id for file in listed.list(purpose="assistants", order="asc", limit=2)] == ids
    assert [file.id for file in listed.list(purpose="assistants", limit=3)] == ids[::-1]
    assert len(list(first.iter_pages())) == 3
    assert listed.list(purpose="fine-tune").data == []
    delete(*ids)


@behaviour("waits for a file, deletes it, and is told that it is gone")
def gone():
    sent = upload(("a.bin", CONTENT))
    assert client().files.wait_for_processing(sent.id) == sent
    delete(sent.id)
    files = client().files
    for asked in [files.retrieve, files.content, files.delete]:
        error = raised(openai.NotFoundError, lambda asked=asked: asked(sent.id))
        assert (error.type, error.param, error.code) == ("invalid_request_error", "id", None)
