import re

from stage import SCRIPTED, TINY_CHAT, behaviour, client, user


def expect_headers(headers):
    assert re.fullmatch(r"req_[0-9a-f]{32}", headers["x-request-id"])
    assert headers["openai-processing-ms"].isdigit()
    assert headers["openai-version"] == "2020-10-01"


def calls():
    """A call of every endpoint that answers JSON, in an order in which each has what it needs."""
    api = client()
    yield lambda: api.chat.completions.with_raw_response.create(**TINY_CHAT)
    yield lambda: api.completions.with_raw_response.create(model="tiny", prompt="Hi", max_tokens=4)
    yield lambda: api.embeddings.with_raw_response.create(model="tiny-embedding", input="Hi")
    yield lambda: api.models.with_raw_response.list()
    yield lambda: api.models.with_raw_response.retrieve("tiny")

    response = {"model": SCRIPTED, "input": "Say hello."}
    stored = api.responses.create(**response).id
    yield lambda: api.responses.with_raw_response.create(**response)
    yield lambda: api.responses.with_raw_response.retrieve(stored)
    yield lambda: api.responses.input_items.with_raw_response.list(stored)
    yield lambda: api.responses.input_tokens.with_raw_response.count(model="tiny", input="Hi")

    upload = {"file": ("in.jsonl", b"{}"), "purpose": "batch"}
    file_id = api.files.create(**upload).id
    yield lambda: api.files.with_raw_response.create(**upload)
    yield lambda: api.files.with_raw_response.list(limit=1)
    yield lambda: api.files.with_raw_response.retrieve(file_id)
    batch = {"input_file_id": file_id, "endpoint": "/v1/completions", "completion_window": "24h"}
    batch_id = api.batches.create(**batch).id
    yield lambda: api.batches.with_raw_response.create(**batch)
    yield lambda: api.batches.with_raw_response.list(limit=1)
    yield lambda: api.batches.with_raw_response.retrieve(batch_id)


@behaviour("reads the headers of every answer beside it")
def headers_of_answers():
    for call in calls():
        raw = call()
        expect_headers(raw.headers)
        assert raw.headers["content-type"] == "application/json; charset=utf-8"
        assert raw.parse()._request_id == raw.headers["x-request-id"] == raw.request_id


@behaviour("reads the headers of a download, and streams it to the disk")
def headers_of_download():
    content = b"every small robot\n" * 100_000
    file_id = client().files.create(file=("a.txt", content), purpose="user_data").id
    with client().files.with_streaming_response.content(file_id) as response:
        expect_headers(response.headers)
        assert response.headers["content-type"] == "application/octet-stream"
        assert b"".join(response.iter_bytes()) == content
    client().files.delete(file_id)


@behaviour("reads the headers of a stream, and the stream itself")
def headers_of_stream():
    ask = {"model": SCRIPTED, "messages": user("Say hello."), "stream": True}
    with client().chat.completions.with_streaming_response.create(**ask) as response:
        expect_headers(response.headers)
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        lines = [line for line in response.iter_lines() if line]
    assert lines[-1] == "data: [DONE]", lines[-1]


@behaviour("reads the headers of the stream of a response, and its last event")
def headers_of_response_stream():
    ask = {"model": SCRIPTED, "input": "Say hello.", "stream": True}
    with client().responses.with_streaming_response.create(**ask) as response:
        expect_headers(response.headers)
        lines = [line for line in response.iter_lines() if line]
    assert lines[-2] == "event: response.completed", lines[-2]
