// Takes a payment and waits for the customer: java Pay.java TIYN PHONE INVOICE   (Java 17, nothing else)
// Ends with 0: paid; 1: not paid; 5: still waiting; 6: nobody knows, look before you bill again.
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class Pay {
    static final long END = System.currentTimeMillis() + 180_000;

    // One request on one connection. "Connection: close" makes the end of the answer the end of the stream.
    static String once(String request) throws IOException {
        String path = System.getenv().getOrDefault("KASPID_SOCKET", "/run/kaspid/kaspid.sock");
        try (SocketChannel kaspid = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            kaspid.connect(UnixDomainSocketAddress.of(path));
            ByteBuffer bytes = ByteBuffer.wrap(request.getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                kaspid.write(bytes);
            }
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            for (ByteBuffer piece = ByteBuffer.allocate(8192); kaspid.read(piece) >= 0; piece.clear()) {
                all.write(piece.array(), 0, piece.position());
            }
            String answer = all.toString(StandardCharsets.UTF_8);
            int body = answer.indexOf("\r\n\r\n{");
            if (body < 0 || !answer.endsWith("}")) {
                throw new IOException("no answer");
            }
            return answer.substring(body + 4);
        }
    }

    // A field of the answer itself, which stands before any object in it.
    static String field(String json, String name) {
        Matcher found = Pattern.compile("\"" + name + "\":\"?([^\",}]*)").matcher(json);
        return found.find() ? found.group(1) : "";
    }

    static String ask(String method, String path, String headers, String body) throws InterruptedException {
        while (System.currentTimeMillis() < END) {
            try {
                String head = method + " " + path + " HTTP/1.1\r\nHost: kaspid\r\nConnection: close\r\n" + headers;
                int length = body.getBytes(StandardCharsets.UTF_8).length;
                String answer = once(head + "Content-Length: " + length + "\r\n\r\n" + body);
                if (!field(answer, "retryable").equals("true")) {
                    return answer;
                }
            } catch (IOException noAnswer) {
                // It says nothing. The same key again tells what came of the first, and never bills twice.
            }
            Thread.sleep(1000);
        }
        return "{\"money\":\"unknown\"}";
    }

    public static void main(String[] sale) throws InterruptedException {
        String body = String.format("{\"kind\":\"remote\",\"amount_tiyn\":%d,\"phone_number\":\"%s\",\"invoice\":\"%s\"}",
                Long.parseLong(sale[0]), sale[1], sale[2]);
        String headers = "Content-Type: application/json\r\nIdempotency-Key: sale-" + sale[2] + "\r\n";
        String answer = ask("POST", "/v1/payments", headers, body);
        while (field(answer, "state").matches("waiting|creating") && System.currentTimeMillis() < END) {
            answer = ask("GET", "/v1/payments/" + field(answer, "id") + "?wait=60s", "", "");
        }
        String what = field(answer, "state").isEmpty() ? field(answer, "money") : field(answer, "state");
        System.out.println(what + " " + field(answer, "id"));
        System.exit(Map.of("paid", 0, "moved", 0, "declined", 1, "cancelled", 1, "expired", 1, "not_moved", 1, "waiting", 5)
                .getOrDefault(what, 6));
    }
}
