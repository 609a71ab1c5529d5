import re

from stage import SCRIPTED, TINY_CHAT, behaviour, client, user


def expect_headers(headers):
    assert re.fullmatch(r"req_[0-9a-f]{32}", headers["x-request-id"])
    assert headers["openai-processing-ms"].isdigit()
    assert headers["openai-version"] == "2020-10-01"


@behaviour("reads the headers of an answer beside it")
def headers_of_answer():
    raw = client().chat.completions.with_raw_response.create(**TINY_CHAT)
    expect_headers(raw.headers)
    assert raw.parse()._request_id == raw.headers["x-request-id"] == raw.request_id


@behaviour("reads the headers of a stream, and the stream itself")
def headers_of_stream():
    ask = {"model": SCRIPTED, "messages": user("Say hello."), "stream": True}
    with client().chat.completions.with_streaming_response.create(**ask) as response:
        expect_headers(response.headers)
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        lines = [line for line in response.iter_lines() if line]
    assert lines[-1] == "data: [DONE]", lines[-1]
