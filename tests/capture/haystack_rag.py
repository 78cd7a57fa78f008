"""Haystack under OpenInference: a pipeline of retriever, prompt and chat model over two documents."""
from scenario import MODEL, about, tell, tracing

about("openinference-instrumentation-haystack", "openinference", "haystack", "openinference",
      "openai")
provider = tracing("fx-haystack")

from openinference.instrumentation.haystack import HaystackInstrumentor  # noqa: E402

HaystackInstrumentor().instrument(tracer_provider=provider)
from haystack import Document, Pipeline  # noqa: E402
from haystack.components.builders import ChatPromptBuilder  # noqa: E402
from haystack.components.generators.chat import OpenAIChatGenerator  # noqa: E402
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever  # noqa: E402
from haystack.dataclasses import ChatMessage  # noqa: E402
from haystack.document_stores.in_memory import InMemoryDocumentStore  # noqa: E402

store = InMemoryDocumentStore()
store.write_documents([Document(content="Paris is in France 🇫🇷", meta={"src": "a"}),
                       Document(content="Tokyo 東京 is in Japan", meta={"src": "b"})])
pipeline = Pipeline()
pipeline.add_component("retriever", InMemoryBM25Retriever(document_store=store, top_k=2))
pipeline.add_component("prompt", ChatPromptBuilder(template=[
    ChatMessage.from_system("help 帮助"),
    ChatMessage.from_user("{% for d in documents %}{{ d.content }}; {% endfor %}{{ question }}")],
    required_variables="*"))
pipeline.add_component("llm", OpenAIChatGenerator(model=MODEL,
                                                  generation_kwargs={"temperature": 0.25}))
pipeline.connect("retriever", "prompt.documents")
pipeline.connect("prompt.prompt", "llm.messages")
question = "where is Paris, where is Tokyo?"
done = pipeline.run({"retriever": {"query": question}, "prompt": {"question": question}},
                    include_outputs_from={"retriever"})
tell(docs=len(done["retriever"]["documents"]), output=done["llm"]["replies"][0].text)
provider.shutdown()
