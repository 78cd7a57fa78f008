import java.net.HttpURLConnection;
import java.net.URI;

/** A program that knows nothing of OpenTelemetry; its agent does. */
public class Fetch {
    public static void main(String[] urls) throws Exception {
        var connection = (HttpURLConnection) URI.create(urls[0]).toURL().openConnection();
        System.out.println(connection.getResponseCode());
    }
}
