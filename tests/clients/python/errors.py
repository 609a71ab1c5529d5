import re
import socket
import time

import openai
from stage import BUSY_URL, SCRIPTED, TINY_CHAT, behaviour, client, overload, raised, user


def create(**changes):
    return lambda: client().chat.completions.create(**{**TINY_CHAT, **changes})


def expect_error(error_class, function, **fields):
    error = raised(error_class, function)
    assert {name: getattr(error, name) for name in fields} == fields, error
    assert re.fullmatch(r"req_[0-9a-f]{32}", error.request_id), error.request_id
    return error


@behaviour("raises what is wrong with a request, with parameter and code")
def bad_request():
    fields = {"code": "decimal_above_max_value", "param": "temperature", "type": "invalid_request_error"}
    expect_error(openai.BadRequestError, create(temperature=3), status_code=400, **fields)
    expect_error(openai.BadRequestError, create(messages=[]), code="empty_array", param="messages")


@behaviour("raises a prompt that is too long before a stream begins")
def too_long():
    ask = create(messages=user("a b c " * 2000), stream=True)
    expect_error(openai.BadRequestError, ask, code="context_length_exceeded", param="messages")


@behaviour("raises an unknown model as not found")
def unknown_model():
    fields = {"status_code": 404, "code": "model_not_found", "param": "model"}
    error = expect_error(openai.NotFoundError, create(model="nope"), **fields)
    assert "The model `nope` does not exist" in error.message


@behaviour("raises what is wrong on every endpoint")
def every_endpoint():
    api = client()
    response = {"model": "tiny", "input": "Hello"}
    batch = {"endpoint": "/v1/completions", "completion_window": "24h"}
    long = {**response, "input": "a b c " * 2000, "stream": True}
    asked = [
        (lambda: api.responses.create(**{**response, "input": []}), "empty_array", "input"),
        (lambda: api.responses.create(**response, top_p=2), "decimal_above_max_value", "top_p"),
        (
            lambda: api.responses.create(**response, previous_response_id="resp_x"),
            "previous_response_not_found",
            "previous_response_id",
        ),
        (lambda: api.responses.create(**long), "context_length_exceeded", "input"),
        (lambda: api.responses.create(**response, background=True), "unsupported_parameter", "background"),
        (lambda: api.embeddings.create(model="tiny-embedding", input=""), "empty_string", "input"),
        (lambda: api.embeddings.create(model="tiny", input="a"), "invalid_value", "model"),
        (lambda: api.files.create(file=b"{}", purpose="nope"), "invalid_value", "purpose"),
        (lambda: api.files.list(limit=0), "integer_below_min_value", "limit"),
        (lambda: api.batches.create(**batch, input_file_id="file-x"), "invalid_value", "input_file_id"),
        (lambda: api.batches.list(limit=1000), "integer_above_max_value", "limit"),
    ]
    for function, code, param in asked:
        fields = {"status_code": 400, "type": "invalid_request_error", "code": code, "param": param}
        expect_error(openai.BadRequestError, function, **fields)


@behaviour("raises what is not there as not found, on every endpoint and on those that are not there either")
def not_found():
    api = client()
    asked = [
        lambda: api.responses.retrieve("resp_x"),
        lambda: api.responses.delete("resp_x"),
        lambda: api.responses.input_items.list("resp_x"),
        lambda: api.files.retrieve("file-x"),
        lambda: api.files.content("file-x"),
        lambda: api.files.delete("file-x"),
        lambda: api.batches.retrieve("batch_x"),
        lambda: api.batches.cancel("batch_x"),
        lambda: api.chat.completions.retrieve("chatcmpl-x"),
        lambda: api.moderations.create(input="a"),
        lambda: api.images.generate(prompt="a"),
        lambda: api.vector_stores.list(),
    ]
    for function in asked:
        fields = {"status_code": 404, "type": "invalid_request_error", "code": None}
        expect_error(openai.NotFoundError, function, **fields)


@behaviour("raises what keeps it from the server as errors of its connection")
def connection():
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
    error = raised(openai.APIConnectionError, lambda: client(f"http://127.0.0.1:{port}").models.list())
    assert not isinstance(error, openai.APITimeoutError)
    hasty = client(timeout=0.2).chat.completions
    ask = {"model": SCRIPTED, "messages": user("Talk for ever.")}
    raised(openai.APITimeoutError, lambda: hasty.create(**ask))


@behaviour("raises a body that is too large")
def too_large():
    error_class = getattr(openai, "RequestTooLargeError", openai.APIStatusError)
    expect_error(error_class, create(user="x" * 11_000_000), status_code=413, code=None)


@behaviour("raises a stream that fails on the way, after what came before")
def fails_on_the_way():
    text = ""

    def read():
        nonlocal text
        for chunk in create(model=SCRIPTED, messages=user("Fail on the way."), stream=True)():
            text += chunk.choices[0].delta.content or ""

    error = raised(openai.APIError, read)
    assert text == "Hello"
    assert (error.type, error.code) == ("server_error", None)


@behaviour("raises that a server is overloaded, and how long to wait")
def overloaded_at_once():
    overload()
    ask = {"model": SCRIPTED, "messages": user("Hi")}
    fields = {"status_code": 503, "type": "service_unavailable_error", "code": "server_is_overloaded"}
    error = expect_error(
        openai.InternalServerError, lambda: client(BUSY_URL).chat.completions.create(**ask), **fields
    )
    assert int(error.response.headers["retry-after"]) >= 1


@behaviour("comes again as late as an overloaded server asks for")
def overloaded():
    overload()
    started = time.monotonic()
    patient = client(BUSY_URL, max_retries=2)
    raw = patient.chat.completions.with_raw_response.create(model=SCRIPTED, messages=user("Hi"))
    assert raw.parse().choices[0].message.content == "Hello"
    assert raw.retries_taken >= 1
    # Without the header it would have come after half a second at most.
    assert time.monotonic() - started >= 0.95
