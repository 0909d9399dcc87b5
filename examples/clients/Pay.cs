// Takes a payment and waits for the customer: dotnet run -- TIYN PHONE INVOICE   (.NET 8, nothing else)
// Ends with 0: paid; 1: not paid; 2: refused, this call billed nobody and the words say why; 5: still waiting;
// 6: nobody knows, look before you bill again.
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Nodes;

// An exception would end with a code of its own: what is no amount is told before anything is asked.
if (args.Length != 3 || !long.TryParse(args[0], System.Globalization.NumberStyles.None, null, out var tiyn))
{
    Console.Error.WriteLine("TIYN PHONE INVOICE; an amount is whole tiyn: 15050 is 150.50 tenge.");
    return 2;
}
var (phone, invoice) = (args[1], args[2]);
var end = DateTime.UtcNow.AddMinutes(3);
var unanswered = 0;
var path = Environment.GetEnvironmentVariable("KASPID_SOCKET") ?? "/run/kaspid/kaspid.sock";
using var kaspid = new HttpClient(new SocketsHttpHandler
{
    ConnectCallback = async (_, cancel) =>
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel);
        return new NetworkStream(socket, ownsSocket: true);
    },
}) { BaseAddress = new Uri("http://kaspid"), Timeout = TimeSpan.FromSeconds(90) };

async Task<JsonNode> Ask(Func<HttpRequestMessage> question)
{
    while (DateTime.UtcNow < end)
    {
        try
        {
            var answer = await (await kaspid.SendAsync(question())).Content.ReadFromJsonAsync<JsonNode>();
            if (answer is not null && (bool?)answer["retryable"] != true) return answer;
        }
        catch (Exception lost) when (lost is HttpRequestException or TaskCanceledException or IOException or System.Text.Json.JsonException)
        {
            // It says nothing. The same key again tells what came of the first, and never bills twice.
            unanswered++;
        }
        await Task.Delay(1000);
    }
    return new JsonObject { ["money"] = "unknown", ["code"] = "no answer" };
}

HttpRequestMessage Sale() => new(HttpMethod.Post, "/v1/payments")
{
    Content = JsonContent.Create(new { kind = "remote", amount_tiyn = tiyn, phone_number = phone, invoice }),
    Headers = { { "Idempotency-Key", $"sale-{Uri.EscapeDataString(invoice)}" } },
};

var first = await Ask(Sale);
var answer = first;
while ((string?)answer["state"] is "waiting" or "creating" && DateTime.UtcNow < end)
{
    answer = await Ask(() => new HttpRequestMessage(HttpMethod.Get, $"/v1/payments/{answer["id"]}?wait=60s"));
}
var code = (string?)answer["code"];
var what = (string?)answer["state"] ?? code;
if (what == "paid" && (long)answer["refunded_tiyn"]! + (long)answer["refunded_elsewhere_tiyn"]! > 0)
{
    what = "paid back";
}
else if (code is not null and not "declined")
{
    // A refusal is of one call. Another call of this sale may have billed: one that got no answer, or that of a payment it names.
    var alone = answer == first && unanswered == 0 && code is not ("key_conflict" or "invoice_open" or "restored_gap");
    what = alone && (string?)answer["money"] == "not_moved" ? "refused" : "unknown";
}
Console.WriteLine($"{what} {answer["id"]}{code}");
return what switch
{
    "paid" => 0,
    "declined" or "cancelled" or "expired" => 1,
    "refused" => 2,
    "waiting" or "creating" => 5,
    _ => 6,
};
