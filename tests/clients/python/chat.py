import asyncio
import json
from typing import Literal

import openai
from pydantic import BaseModel
from stage import SCRIPTED, TINY_CHAT, async_client, behaviour, client, strict_client, user, wait_until_idle


class Answer(BaseModel):
    sure: bool
    size: Literal["s", "m"]


class Place(BaseModel):
    city: str
    degrees: float


class GetWeather(BaseModel):
    """The weather of a city."""

    city: str


@behaviour("creates a chat completion that its types describe, whole and as a stream")
def create():
    strict = strict_client().chat.completions
    whole = strict.create(**TINY_CHAT)
    assert whole.choices[0].finish_reason == "length"
    assert whole.usage.completion_tokens == 12
    chunks = list(strict.create(**TINY_CHAT, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content, text
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 12


@behaviour("streams to an async client")
def stream_async():
    async def read():
        ask = {"model": SCRIPTED, "messages": user("Say hello."), "stream": True}
        async with async_client() as asynchronous:
            stream = await asynchronous.chat.completions.create(**ask)
            return [chunk.choices[0].delta.content async for chunk in stream if chunk.choices[0].delta.content]

    assert asyncio.run(read()) == ["Hel", "lo", " wörld", " 🦙"]


@behaviour("folds a stream with its stream() helper")
def stream_helper():
    with client().chat.completions.stream(model=SCRIPTED, messages=user("Say hello.")) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    # The first one comes with the role and has no text.
    assert deltas == ["", "Hel", "lo", " wörld", " 🦙"], deltas
    assert final.choices[0].message.content == "Hello wörld 🦙"
    assert final.choices[0].finish_reason == "stop"


@behaviour("parses an answer by a pydantic model, from the real model and from a scripted one")
def parse():
    ask = {**TINY_CHAT, "max_tokens": 60}
    real = client().chat.completions.parse(**ask, response_format=Answer)
    assert isinstance(real.choices[0].message.parsed, Answer)
    scripted = client().chat.completions.parse(
        model=SCRIPTED, messages=user("Where is it?"), response_format=Place
    )
    assert scripted.choices[0].message.parsed == Place(city="Oslo", degrees=3)


@behaviour("is told by parse() that an answer was cut off")
def parse_cut_off():
    ask = {**TINY_CHAT, "max_tokens": 2, "response_format": Answer}
    try:
        client().chat.completions.parse(**ask)
    except openai.LengthFinishReasonError:
        return
    raise AssertionError("nothing was raised")


@behaviour("answers the calls of a model and gets its answer")
def tools():
    completions = strict_client().chat.completions
    messages = user("How is the weather?")
    tool = openai.pydantic_function_tool(GetWeather, name="get_weather")
    first = completions.parse(model=SCRIPTED, messages=messages, tools=[tool]).choices[0]
    assert first.finish_reason == "tool_calls"
    calls = first.message.tool_calls
    assert [call.function.parsed_arguments.city for call in calls] == ["Oslo", "Rome"]
    messages.append(first.message.model_dump(exclude_none=True))
    for call in calls:
        city = json.loads(call.function.arguments)["city"]
        messages.append({"role": "tool", "tool_call_id": call.id, "content": f"sun in {city}"})
    last = completions.create(model=SCRIPTED, messages=messages, tools=[tool]).choices[0]
    assert last.message.content == "sun in Oslo and sun in Rome"


@behaviour("gets whole tool calls out of a stream")
def stream_tools():
    tool = openai.pydantic_function_tool(GetWeather, name="get_weather")
    ask = {"model": SCRIPTED, "messages": user("How is the weather?"), "tools": [tool]}
    with client().chat.completions.stream(**ask) as stream:
        message = stream.get_final_completion().choices[0].message
    assert [call.function.parsed_arguments for call in message.tool_calls] == [
        GetWeather(city="Oslo"),
        GetWeather(city="Rome"),
    ]


@behaviour("gets n choices, each with its log probabilities")
def choices():
    ask = {**TINY_CHAT, "temperature": 1, "seed": 7, "n": 3, "logprobs": True, "top_logprobs": 2}
    answer = strict_client().chat.completions.create(**ask)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) > 1
    for choice in answer.choices:
        assert len(choice.logprobs.content) == 12
        assert all(len(token.top_logprobs) == 2 for token in choice.logprobs.content)


@behaviour("frees the slot when it leaves a stream")
def leave():
    ask = {"model": SCRIPTED, "messages": user("Talk for ever."), "stream": True}
    with client().chat.completions.create(**ask) as stream:
        next(chunk for chunk in stream if chunk.choices[0].delta.content)
    wait_until_idle()
