"""The folders that hold sources, once for all checks: check_tree.py fails when there is one more, so that no check passes by not looking at it."""
# of the program and of the libraries
STAGES = ("base", "net", "model", "journal", "otlp", "assembly", "mapping", "redaction", "exporter", "kafka", "gateway", "trace")
# beside them
OTHERS = ("include", "tools", "tests", "bench", "examples", "hosts")
