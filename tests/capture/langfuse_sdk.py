"""Langfuse's SDK (4.x and later): SCENARIO is openai, stream (its client) or sdk (its own spans)."""
import os

from scenario import MODEL, PROMPT, WEATHER, about, tell, tell_error, weather

MODE = os.environ["SCENARIO"]
about("langfuse", "langfuse", "langfuse", "openai")
os.environ |= {"LANGFUSE_HOST": os.environ["CAPTURE_URL"], "LANGFUSE_PUBLIC_KEY": "pk-lf-fixture",
               "LANGFUSE_SECRET_KEY": "sk-lf-fixture", "LANGFUSE_RELEASE": "2.0.1",
               "LANGFUSE_TRACING_ENVIRONMENT": "staging"}

from langfuse import get_client, propagate_attributes  # noqa: E402

langfuse = get_client()
SAID = [{"role": "system", "content": "help 帮助"}, {"role": "user", "content": PROMPT}]


def openai():
    from langfuse.openai import OpenAI
    tell(output=OpenAI().chat.completions.create(
        model=MODEL, messages=SAID, temperature=0.25, max_tokens=99).choices[0].message.content)


def stream():
    from langfuse.openai import OpenAI
    for _ in OpenAI().chat.completions.create(model=MODEL, messages=SAID, stream=True,
                                              stream_options={"include_usage": True}):
        pass


def sdk():
    observe = langfuse.start_as_current_observation
    with observe(name="request", as_type="agent", input={"question": WEATHER}) as root, \
            propagate_attributes(session_id="sess-0001-ü", user_id="user-42", tags=["a", "标签"]):
        usage = {"input": 12, "output": 7, "total": 19, "cache_read_input_tokens": 4}
        with observe(name="ask", as_type="generation", model="gpt-4o", input=SAID,
                     model_parameters={"temperature": 0.25}) as ask:
            ask.update(output={"role": "assistant", "content": "use a tool"}, usage_details=usage,
                       cost_details={"input": 0.001, "output": 0.002})
        with observe(name="get_weather", as_type="tool", input={"city": "東京"}) as tool:
            tool.update(output=weather("東京"))
        with observe(name="find", as_type="retriever", input="where is Paris?") as find:
            find.update(output=["Paris is in France 🇫🇷", "Tokyo 東京 is in Japan"])
        with observe(name="embed", as_type="embedding", model="text-embedding-3-small", input="hi"):
            pass
        try:
            with observe(name="broken", as_type="span"):
                raise ValueError("bad input 🚦")
        except ValueError as error:
            tell_error(error)
        root.update(output={"answer": "done ✅"})
    tell(model="gpt-4o", usage=usage, session_id="sess-0001-ü", user_id="user-42", docs=2)


globals()[MODE]()
langfuse.flush()
langfuse.shutdown()
