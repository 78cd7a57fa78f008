"""A cluster of Kafka inside the test: librdkafka's own mock and its client, by ctypes.

    with Cluster(partitions=4) as cluster:
        gateway = make_gateway({"role": "receive", "kafka.brokers": cluster.brokers})
        cluster.read("otlp_spans", count)
"""
import collections
import ctypes
import ctypes.util
import time

EARLIEST, COPY = -2, 2
ERROR_SIZE = 512
Message = collections.namedtuple("Message", "partition offset key value headers")


class RdMessage(ctypes.Structure):
    """rd_kafka_message_t of librdkafka's public header."""
    _fields_ = [("err", ctypes.c_int), ("topic", ctypes.c_void_p), ("partition", ctypes.c_int32),
                ("payload", ctypes.c_void_p), ("len", ctypes.c_size_t), ("key", ctypes.c_void_p),
                ("key_len", ctypes.c_size_t), ("offset", ctypes.c_int64), ("private", ctypes.c_void_p)]


def library():
    """librdkafka, or None where it is not installed."""
    try:
        rd = ctypes.CDLL("librdkafka.so.1")
    except OSError:
        return None
    for name, result, arguments in (
            ("conf_new", ctypes.c_void_p, []),
            ("conf_set", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t]),
            ("new", ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
            ("destroy", None, [ctypes.c_void_p]),
            ("mock_cluster_new", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_int]),
            ("mock_cluster_destroy", None, [ctypes.c_void_p]),
            ("mock_cluster_bootstraps", ctypes.c_char_p, [ctypes.c_void_p]),
            ("mock_topic_create", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]),
            ("mock_broker_set_down", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32]),
            ("mock_broker_set_up", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32]),
            ("topic_partition_list_new", ctypes.c_void_p, [ctypes.c_int]),
            ("topic_partition_list_add", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32]),
            ("topic_partition_list_set_offset", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_int64]),
            ("topic_partition_list_destroy", None, [ctypes.c_void_p]),
            ("topic_new", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]),
            ("topic_destroy", None, [ctypes.c_void_p]),
            ("produce", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p,
                                      ctypes.c_size_t, ctypes.c_void_p]),
            ("flush", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int]),
            ("assign", ctypes.c_int, [ctypes.c_void_p, ctypes.c_void_p]),
            ("consumer_poll", ctypes.POINTER(RdMessage), [ctypes.c_void_p, ctypes.c_int]),
            ("consumer_close", ctypes.c_int, [ctypes.c_void_p]),
            ("message_destroy", None, [ctypes.POINTER(RdMessage)]),
            ("message_headers", ctypes.c_int, [ctypes.POINTER(RdMessage), ctypes.POINTER(ctypes.c_void_p)]),
            ("header_get_all", ctypes.c_int, [ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_char_p),
                                              ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_size_t)])):
        function = getattr(rd, f"rd_kafka_{name}")
        function.restype, function.argtypes = result, arguments
    return rd


class Client:
    """A producer (0) or consumer (1) of librdkafka with these properties."""

    def __init__(self, rd, kind, properties=None):
        self.rd, why = rd, ctypes.create_string_buffer(ERROR_SIZE)
        conf = rd.rd_kafka_conf_new()
        for name, value in (properties or {}).items():
            assert rd.rd_kafka_conf_set(conf, name.encode(), str(value).encode(), why, ERROR_SIZE) == 0, why.value
        self.handle = rd.rd_kafka_new(kind, conf, why, ERROR_SIZE)
        assert self.handle, why.value

    def close(self):
        self.rd.rd_kafka_destroy(self.handle)


class Cluster:
    """One broker on a free port."""

    def __init__(self, partitions=4, topics=("otlp_spans", "otlp_logs")):
        self.rd, self.partitions = library(), partitions
        self.owner = Client(self.rd, 0, {"log_level": 0})
        self.mock = self.rd.rd_kafka_mock_cluster_new(self.owner.handle, 1)
        for topic in topics:
            self.create(topic, partitions)
        self.brokers = self.rd.rd_kafka_mock_cluster_bootstraps(self.mock).decode()

    def create(self, topic, partitions):
        assert self.rd.rd_kafka_mock_topic_create(self.mock, topic.encode(), partitions, 1) == 0

    def down(self):
        assert self.rd.rd_kafka_mock_broker_set_down(self.mock, 1) == 0

    def up(self):
        assert self.rd.rd_kafka_mock_broker_set_up(self.mock, 1) == 0

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.rd.rd_kafka_mock_cluster_destroy(self.mock)
        self.owner.close()

    def headers(self, message):
        found, headers = {}, ctypes.c_void_p()
        if self.rd.rd_kafka_message_headers(message, ctypes.byref(headers)) != 0:
            return found
        name, value, size = ctypes.c_char_p(), ctypes.c_void_p(), ctypes.c_size_t()
        while self.rd.rd_kafka_header_get_all(headers, len(found), ctypes.byref(name), ctypes.byref(value),
                                              ctypes.byref(size)) == 0:
            found[name.value.decode()] = ctypes.string_at(value, size.value)
        return found

    def write(self, topic, partition, value, key=None):
        """Writes a message and waits until it is there."""
        writer = Client(self.rd, 0, {"bootstrap.servers": self.brokers, "log_level": 0})
        handle = self.rd.rd_kafka_topic_new(writer.handle, topic.encode(), None)
        assert self.rd.rd_kafka_produce(handle, partition, COPY, value, len(value), key, len(key or b""), None) == 0
        assert self.rd.rd_kafka_flush(writer.handle, 20000) == 0
        self.rd.rd_kafka_topic_destroy(handle)
        writer.close()

    def read(self, topic, count, timeout=20):
        """The first `count` messages of a topic."""
        reader = Client(self.rd, 1, {"bootstrap.servers": self.brokers, "group.id": "reader", "log_level": 0})
        places = self.rd.rd_kafka_topic_partition_list_new(self.partitions)
        for partition in range(self.partitions):
            self.rd.rd_kafka_topic_partition_list_add(places, topic.encode(), partition)
            self.rd.rd_kafka_topic_partition_list_set_offset(places, topic.encode(), partition, EARLIEST)
        assert self.rd.rd_kafka_assign(reader.handle, places) == 0
        messages, deadline = [], time.monotonic() + timeout
        while len(messages) < count and time.monotonic() < deadline:
            message = self.rd.rd_kafka_consumer_poll(reader.handle, 200)
            if not message:
                continue
            at = message.contents
            if at.err == 0:
                messages.append(Message(at.partition, at.offset, ctypes.string_at(at.key, at.key_len),
                                        ctypes.string_at(at.payload, at.len), self.headers(message)))
            self.rd.rd_kafka_message_destroy(message)
        self.rd.rd_kafka_topic_partition_list_destroy(places)
        self.rd.rd_kafka_consumer_close(reader.handle)
        reader.close()
        assert len(messages) == count, f"{len(messages)} of {count}"
        return messages
