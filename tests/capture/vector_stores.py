"""Vector stores in memory under OpenLLMetry's instrumentors: add, then search; SCENARIO names one."""
import os

from scenario import about, tell, tracing

STORE = os.environ["SCENARIO"]
about(f"opentelemetry-instrumentation-{STORE}", "vector-db (traceloop)", STORE, "py" + STORE)
provider = tracing(f"fx-{STORE}")
DOCUMENTS = ["Paris is in France 🇫🇷", "東京 is in 日本"]
VECTORS = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]


def chromadb():
    from opentelemetry.instrumentation.chromadb import ChromaInstrumentor
    ChromaInstrumentor().instrument()
    import chromadb as chroma
    places = chroma.EphemeralClient().create_collection("places", embedding_function=None)
    places.add(ids=["a", "b"], documents=DOCUMENTS, embeddings=VECTORS,
               metadatas=[{"src": "a"}, {"src": "b"}])
    found = places.query(query_embeddings=[VECTORS[1]], n_results=2, where={"src": {"$ne": "c"}})
    tell(docs=len(found["ids"][0]))


def qdrant():
    from opentelemetry.instrumentation.qdrant import QdrantInstrumentor
    QdrantInstrumentor().instrument()
    from qdrant_client import QdrantClient, models
    client = QdrantClient(":memory:")
    client.create_collection("places", vectors_config=models.VectorParams(
        size=4, distance=models.Distance.COSINE))
    client.upsert("places", points=[
        models.PointStruct(id=i, vector=v, payload={"text": t})
        for i, (v, t) in enumerate(zip(VECTORS, DOCUMENTS))])
    tell(docs=len(client.query_points("places", query=VECTORS[1], limit=2).points))


def milvus():
    from opentelemetry.instrumentation.milvus import MilvusInstrumentor
    MilvusInstrumentor().instrument()
    from pymilvus import MilvusClient
    client = MilvusClient("places.db")
    client.create_collection("places", dimension=4)
    client.insert("places", data=[{"id": i, "vector": v, "text": t}
                                  for i, (v, t) in enumerate(zip(VECTORS, DOCUMENTS))])
    found = client.search("places", data=[VECTORS[1]], limit=2, filter="id >= 0",
                          output_fields=["text"])
    tell(docs=len(found[0]))


{"chromadb": chromadb, "qdrant": qdrant, "milvus": milvus}[STORE]()
provider.shutdown()
