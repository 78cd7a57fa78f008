package clients;

import io.micrometer.common.KeyValue;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationFilter;
import io.micrometer.tracing.Tracer;
import java.util.stream.Collectors;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.observation.ChatModelObservationContext;
import org.springframework.ai.content.Content;
import org.springframework.ai.tool.annotation.Tool;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.stereotype.Component;

/** Spring AI: a chat client that lets the model call a tool. Prints the trace id. */
@SpringBootApplication
public class Agent {
    public static void main(String[] arguments) {
        System.exit(SpringApplication.exit(SpringApplication.run(Agent.class, arguments)));
    }

    static class Orders {
        @Tool(name = "get_order", description = "Looks an order up")
        String getOrder(String order_id) {
            return "order " + order_id + " is in transit";
        }
    }

    /** Spring AI leaves texts to the log; this is how its users bring them to the span. */
    @Component
    static class Texts implements ObservationFilter {
        @Override
        public Observation.Context map(Observation.Context context) {
            if (context instanceof ChatModelObservationContext call) {
                String prompt = call.getRequest().getInstructions().stream().map(Content::getText).collect(Collectors.joining("\n"));
                context.addHighCardinalityKeyValue(KeyValue.of("gen_ai.prompt", prompt));
                if (call.getResponse() != null && call.getResponse().getResult() != null) {
                    String text = call.getResponse().getResult().getOutput().getText();
                    context.addHighCardinalityKeyValue(KeyValue.of("gen_ai.completion", text == null ? "" : text));
                }
            }
            return context;
        }
    }

    @Bean
    CommandLineRunner turn(ChatClient.Builder builder, Tracer tracer) {
        return arguments -> {
            var span = tracer.nextSpan().name("turn").start();
            try (var scope = tracer.withSpan(span)) {
                builder.build().prompt("Where is order 1001?").tools(new Orders()).call().content();
            }
            finally {
                span.end();
            }
            System.out.println(span.context().traceId());
        };
    }
}
