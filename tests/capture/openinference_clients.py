"""Clients under OpenInference, a tool called by each: SCENARIO is groq, mistralai or instructor."""
import json
import os

from scenario import MODEL, WEATHER, about, tell, tracing, weather

CLIENT, BASE = os.environ["SCENARIO"], os.environ["CAPTURE_URL"]
about(f"openinference-instrumentation-{CLIENT}", "openinference", CLIENT, "openinference", "openai")
provider = tracing(f"fx-{CLIENT}")
TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "Get the weather for a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
ASKED = dict(messages=[{"role": "system", "content": "help 帮助"},
                       {"role": "user", "content": WEATHER}], model=MODEL, temperature=0.25)


def tools(create):
    """Calls the tool that the model asks for, then asks it again."""
    asked = create(**ASKED, tools=[TOOL]).choices[0].message
    call = asked.tool_calls[0]
    arguments = call.function.arguments
    city = (json.loads(arguments) if isinstance(arguments, str) else arguments)["city"]
    again = dict(ASKED, messages=ASKED["messages"] + [
        json.loads(asked.model_dump_json(exclude_none=True, exclude_unset=True)),
        {"role": "tool", "tool_call_id": call.id, "name": "get_weather", "content": weather(city)}])
    tell(output=create(**again).choices[0].message.content)


def groq():
    from openinference.instrumentation.groq import GroqInstrumentor
    GroqInstrumentor().instrument(tracer_provider=provider)
    from groq import Groq
    tools(Groq(api_key="sk-fixture", base_url=BASE).chat.completions.create)


def mistralai():
    from openinference.instrumentation.mistralai import MistralAIInstrumentor
    MistralAIInstrumentor().instrument(tracer_provider=provider)
    try:
        from mistralai.client import Mistral
    except ImportError:
        from mistralai import Mistral
    chat = Mistral(api_key="sk-fixture", server_url=BASE).chat
    tools(chat.complete)
    for _ in chat.stream(**ASKED):
        pass


def instructor():
    from openinference.instrumentation.instructor import InstructorInstrumentor
    from openinference.instrumentation.openai import OpenAIInstrumentor
    InstructorInstrumentor().instrument(tracer_provider=provider)
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    import instructor as library
    import openai
    import pydantic

    class City(pydantic.BaseModel):
        city: str

    client = library.from_openai(openai.OpenAI())
    tell(output=client.chat.completions.create(**ASKED, response_model=City).model_dump())


globals()[CLIENT]()
provider.shutdown()
