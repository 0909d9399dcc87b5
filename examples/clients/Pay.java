// Takes a payment and waits for the customer: java Pay.java TIYN PHONE INVOICE   (Java 17, nothing else)
// Ends with 0: paid; 1: not paid; 2: refused, this call billed nobody and the words say why; 5: still waiting;
// 6: nobody knows, look before you bill again.
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.URLEncoder;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class Pay {
    static final long END = System.currentTimeMillis() + 180_000;
    static int unanswered = 0;

    // One request on one connection. "Connection: close" makes the end of the answer the end of the stream.
    static String once(String request) throws IOException {
        String path = System.getenv().getOrDefault("KASPID_SOCKET", "/run/kaspid/kaspid.sock");
        try (SocketChannel kaspid = SocketChannel.open(StandardProtocolFamily.UNIX);
                Closeable patience = closesAfter(kaspid, 90_000)) {
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

    // A Unix socket of Java has no time-out: one that is closed ends the read.
    static Closeable closesAfter(SocketChannel kaspid, long milliseconds) {
        Thread patience = new Thread(() -> {
            try {
                Thread.sleep(milliseconds);
                kaspid.close();
            } catch (InterruptedException | IOException answered) {
                // Nothing is left to be closed.
            }
        });
        patience.setDaemon(true);
        patience.start();
        return patience::interrupt;
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
                unanswered++;
            }
            Thread.sleep(1000);
        }
        return "{\"money\":\"unknown\",\"code\":\"no answer\"}";
    }

    public static void main(String[] sale) throws InterruptedException {
        if (!sale[0].matches("[0-9]{1,10}")) {
            System.err.println("An amount is whole tiyn: 15050 is 150.50 tenge.");
            System.exit(2);
        }
        String body = String.format("{\"kind\":\"remote\",\"amount_tiyn\":%d,\"phone_number\":\"%s\",\"invoice\":\"%s\"}",
                Long.parseLong(sale[0]), sale[1], sale[2]);
        String headers = "Content-Type: application/json\r\nIdempotency-Key: sale-"
                + URLEncoder.encode(sale[2], StandardCharsets.UTF_8) + "\r\n";
        String first = ask("POST", "/v1/payments", headers, body);
        String answer = first;
        while (field(answer, "state").matches("waiting|creating") && System.currentTimeMillis() < END) {
            answer = ask("GET", "/v1/payments/" + field(answer, "id") + "?wait=60s", "", "");
        }
        String code = field(answer, "code");
        String what = field(answer, "state").isEmpty() ? code : field(answer, "state");
        if (what.equals("paid") && !(field(answer, "refunded_tiyn") + field(answer, "refunded_elsewhere_tiyn")).equals("00")) {
            what = "paid back";
        } else if (!code.isEmpty() && !code.equals("declined")) {
            // A refusal is of one call. Another call of this sale may have billed: one that got no answer, or that of a payment
            // it names.
            boolean alone = answer == first && unanswered == 0
                    && !List.of("key_conflict", "invoice_open", "restored_gap").contains(code);
            what = alone && field(answer, "money").equals("not_moved") ? "refused" : "unknown";
        }
        System.out.println(what + " " + (code.isEmpty() ? field(answer, "id") : code));
        System.exit(Map.of("paid", 0, "declined", 1, "cancelled", 1, "expired", 1, "refused", 2, "waiting", 5, "creating", 5)
                .getOrDefault(what, 6));
    }
}
