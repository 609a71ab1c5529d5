import asyncio
import json
from typing import Literal

import openai
from pydantic import BaseModel
from stage import SCRIPTED, async_client, behaviour, client, raised, strict_client, wait_until_idle

TINY = {"model": "tiny", "input": "Hello", "temperature": 0, "max_output_tokens": 12}
TEXT_TYPES = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]


class Answer(BaseModel):
    sure: bool
    size: Literal["s", "m"]


class Place(BaseModel):
    city: str
    degrees: float


class GetWeather(BaseModel):
    """The weather of a city."""

    city: str


def ask(text):
    return {"model": SCRIPTED, "input": text}


def types_of(events):
    """In their order, and several of the same after each other once."""
    types = [event.type for event in events]
    return [name for index, name in enumerate(types) if index == 0 or types[index - 1] != name]


@behaviour("creates a response that its types describe, whole and as a stream")
def create():
    strict = strict_client().responses
    whole = strict.create(**TINY)
    assert (whole.status, whole.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert whole.usage.output_tokens == 12
    events = list(strict.create(**TINY, stream=True))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == whole.output_text, text
    assert [event.sequence_number for event in events] == list(range(len(events)))


@behaviour("sees every event of a response in its order, thoughts and calls as well")
def events_in_order():
    strict = strict_client().responses
    assert types_of(strict.create(**ask("Say hello."), stream=True)) == TEXT_TYPES
    thinking = types_of(strict.create(**ask("Think first."), stream=True))
    assert "response.reasoning_text.delta" in thinking and "response.reasoning_text.done" in thinking
    calling = types_of(strict.create(**ask("How is the weather?"), stream=True))
    call = ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"]
    assert calling[2:-1] == [f"response.{name}" for name in call * 2], calling


@behaviour("folds the stream of a response with its stream() helper")
def stream_helper():
    with client().responses.stream(**ask("Say hello.")) as stream:
        events = list(stream)
        final = stream.get_final_response()
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert deltas == ["Hel", "lo", " wörld", " 🦙"], deltas
    assert types_of(events) == TEXT_TYPES
    assert (final.status, final.output_text) == ("completed", "Hello wörld 🦙")


@behaviour("streams a response to an async client")
def stream_async():
    async def read():
        async with async_client() as asynchronous:
            async with asynchronous.responses.stream(**ask("Say hello.")) as stream:
                return (await stream.get_final_response()).output_text

    assert asyncio.run(read()) == "Hello wörld 🦙"


@behaviour("streams a stored response once more, from the beginning and from the middle")
def replay():
    strict = strict_client().responses
    stored = strict.create(**ask("Say hello."))
    again = list(strict.retrieve(stored.id, stream=True))
    assert types_of(again) == TEXT_TYPES
    assert list(strict.retrieve(stored.id, stream=True, starting_after=4)) == again[5:]
    with client().responses.stream(response_id=stored.id) as stream:
        assert stream.get_final_response().output_text == "Hello wörld 🦙"


@behaviour("parses a response by a pydantic model, from the real model and from a scripted one")
def parse():
    real = client().responses.parse(**{**TINY, "max_output_tokens": 60}, text_format=Answer)
    assert isinstance(real.output_parsed, Answer), real
    place = Place(city="Oslo", degrees=3)
    assert client().responses.parse(**ask("Where is it?"), text_format=Place).output_parsed == place
    with client().responses.stream(**ask("Where is it?"), text_format=Place) as stream:
        assert stream.get_final_response().output_parsed == place


@behaviour("answers the calls of a response and goes on with it")
def tools():
    tool = openai.pydantic_function_tool(GetWeather, name="get_weather")["function"]
    tools = [{"type": "function", **tool}]
    asked = strict_client().responses.create(**ask("How is the weather?"), tools=tools)
    calls = [item for item in asked.output if item.type == "function_call"]
    outputs = [
        {
            "type": "function_call_output",
            "call_id": call.call_id,
            "output": f"sun in {json.loads(call.arguments)['city']}",
        }
        for call in calls
    ]
    answered = strict_client().responses.create(
        model=SCRIPTED, input=outputs, tools=tools, previous_response_id=asked.id
    )
    assert answered.output_text == "sun in Oslo and sun in Rome"
    history = [{"role": "user", "content": "How is the weather?"}, *asked.output, *outputs]
    whole = strict_client().responses.create(model=SCRIPTED, input=history, tools=tools, store=False)
    assert whole.output_text == "sun in Oslo and sun in Rome"
    error = raised(openai.NotFoundError, lambda: client().responses.retrieve(whole.id))
    assert error.status_code == 404


@behaviour("retrieves a response, and is told that it is gone when it was deleted")
def stored():
    strict = strict_client().responses
    created = strict.create(**ask("Say hello."))
    retrieved = strict.retrieve(created.id)
    assert (retrieved.output, retrieved.usage) == (created.output, created.usage)
    assert strict.delete(created.id) is None
    raised(openai.NotFoundError, lambda: strict.retrieve(created.id))


@behaviour("reads the input of a response page by page, and through all pages at once")
def input_items():
    strict = strict_client().responses
    texts = ["one", "two", "three", "four", "five"]
    created = strict.create(model=SCRIPTED, input=[{"role": "user", "content": text} for text in texts])
    page = strict.input_items.list(created.id, limit=2, order="asc")
    assert [item.content[0].text for item in page.data] == ["one", "two"]
    assert page.has_next_page()
    assert [item.content[0].text for item in page.get_next_page().data] == ["three", "four"]
    everything = strict.input_items.list(created.id, limit=2)
    assert [item.content[0].text for item in everything] == texts[::-1]


@behaviour("counts the tokens of an input as the response will")
def count():
    counted = strict_client().responses.input_tokens.count(model="tiny", input="Hello").input_tokens
    assert strict_client().responses.create(**TINY).usage.input_tokens == counted > 0


@behaviour("gets a failed response out of a stream that fails on the way")
def fails():
    events = list(strict_client().responses.create(**ask("Fail on the way."), stream=True))
    last = events[-1]
    assert last.type == "response.failed"
    assert (last.response.status, last.response.error.code) == ("failed", "server_error")
    assert last.response.output_text == "Hello"


@behaviour("frees the slot when it leaves the stream of a response")
def leave():
    with client().responses.create(**ask("Talk for ever."), stream=True) as stream:
        next(event for event in stream if event.type == "response.output_text.delta")
    wait_until_idle()
