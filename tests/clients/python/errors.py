import re
import time

import openai
from stage import BUSY_URL, SCRIPTED, TINY_CHAT, behaviour, client, raised, user


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


@behaviour("comes again as late as an overloaded server asks for")
def overloaded():
    started = time.monotonic()
    patient = client(BUSY_URL, max_retries=2)
    raw = patient.chat.completions.with_raw_response.create(model=SCRIPTED, messages=user("Hi"))
    assert raw.parse().choices[0].message.content == "Hello"
    assert raw.retries_taken >= 1
    # Without the header it would have come after half a second at most.
    assert time.monotonic() - started >= 0.95
