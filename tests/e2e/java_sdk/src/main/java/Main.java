import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Scope;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import java.util.concurrent.TimeUnit;

/** Sends one trace of two spans through the Java SDK's OTLP/gRPC exporter and prints its id. */
public final class Main {
  public static void main(String[] arguments) {
    OtlpGrpcSpanExporter exporter =
        OtlpGrpcSpanExporter.builder()
            .setEndpoint(System.getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
            .setCompression("gzip")
            .build();
    SdkTracerProvider provider =
        SdkTracerProvider.builder().addSpanProcessor(BatchSpanProcessor.builder(exporter).build()).build();
    Tracer tracer = provider.get("e2e");
    Span root = tracer.spanBuilder("root").startSpan();
    try (Scope scope = root.makeCurrent()) {
      tracer.spanBuilder("child").startSpan().end();
    }
    root.end();
    if (!provider.forceFlush().join(10, TimeUnit.SECONDS).isSuccess()) {
      System.err.println("the export failed");
      System.exit(1);
    }
    provider.shutdown().join(10, TimeUnit.SECONDS);
    System.out.println(root.getSpanContext().getTraceId());
    System.exit(0);
  }
}
