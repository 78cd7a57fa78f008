import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.models.FunctionDefinition;
import com.openai.models.FunctionParameters;
import com.openai.models.chat.completions.*;
import com.openai.models.embeddings.EmbeddingCreateParams;
import java.util.List;
import java.util.Map;

/** OpenAI's client for Java; what SCENARIO names. Run by java_openai.py under OpenTelemetry's agent. */
public class OpenAiCalls {
    static ChatCompletionCreateParams.Builder chat(String words) {
        return ChatCompletionCreateParams.builder().model(System.getenv("MODEL")).temperature(0.25)
            .addSystemMessage("help 帮助").addUserMessage(words);
    }

    public static void main(String[] args) {
        var client = OpenAIOkHttpClient.builder().apiKey("sk-fixture").maxRetries(0)
            .baseUrl(System.getenv("OPENAI_BASE_URL")).build();
        var completions = client.chat().completions();
        String mode = System.getenv("SCENARIO"), prompt = System.getenv("PROMPT");
        if (mode.equals("embed")) {
            client.embeddings().create(EmbeddingCreateParams.builder()
                .model("text-embedding-3-small").inputOfArrayOfStrings(List.of("a", "b")).build());
        } else if (mode.equals("stream")) {
            try (var stream = completions.createStreaming(chat(prompt).streamOptions(
                    ChatCompletionStreamOptions.builder().includeUsage(true).build()).build())) {
                stream.stream().forEach(chunk -> {});
            }
        } else if (mode.equals("tools")) {
            var said = chat(prompt).addTool(ChatCompletionTool.builder().function(
                FunctionDefinition.builder().name("get_weather").parameters(
                    FunctionParameters.builder().putAdditionalProperty("type", JsonValue.from("object"))
                        .putAdditionalProperty("properties", JsonValue.from(
                            Map.of("city", Map.of("type", "string")))).build()).build()).build());
            var asked = completions.create(said.build()).choices().get(0).message();
            said.addMessage(asked).addMessage(ChatCompletionToolMessageParam.builder()
                .toolCallId(asked.toolCalls().get().get(0).id())
                .content("東京: 21.5°C ☀️").build());
            completions.create(said.build());
        } else {
            try {
                completions.create(chat(prompt).build());
            } catch (RuntimeException error) {
                System.out.println(error.getClass().getName() + "\n" + error.getMessage());
            }
        }
    }
}
