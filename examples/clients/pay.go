// Takes a payment and waits for the customer: go run pay.go TIYN PHONE INVOICE
// Ends with 0: paid; 1: not paid; 5: still waiting; 6: nobody knows, look before you bill again.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

type Answer struct {
	ID, State, Money, Code, Detail string
	Retryable                      bool
}

var end = time.Now().Add(3 * time.Minute)

var kaspid = http.Client{Timeout: 90 * time.Second, Transport: &http.Transport{
	DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		path := os.Getenv("KASPID_SOCKET")
		if path == "" {
			path = "/run/kaspid/kaspid.sock"
		}
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	},
}}

func ask(method, path string, body any, key string) Answer {
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body)
	}
	for time.Now().Before(end) {
		request, _ := http.NewRequest(method, "http://kaspid"+path, bytes.NewReader(text))
		request.Header.Set("Content-Type", "application/json")
		if key != "" {
			request.Header.Set("Idempotency-Key", key)
		}
		if response, err := kaspid.Do(request); err == nil {
			var answer Answer
			err = json.NewDecoder(response.Body).Decode(&answer)
			response.Body.Close()
			if err == nil && !answer.Retryable {
				return answer
			}
		}
		// No answer says nothing. The same key again tells what came of the first, and never bills twice.
		time.Sleep(time.Second)
	}
	return Answer{Money: "unknown", Code: "no answer"}
}

func main() {
	tiyn, _ := strconv.Atoi(os.Args[1])
	phone, invoice := os.Args[2], os.Args[3]
	sale := map[string]any{"kind": "remote", "amount_tiyn": tiyn, "phone_number": phone, "invoice": invoice}
	answer := ask("POST", "/v1/payments", sale, "sale-"+invoice)
	for (answer.State == "waiting" || answer.State == "creating") && time.Now().Before(end) {
		answer = ask("GET", "/v1/payments/"+answer.ID+"?wait=60s", nil, "")
	}
	what := answer.State
	if what == "" {
		what = answer.Money
	}
	fmt.Println(what, answer.ID, answer.Detail)
	code, known := map[string]int{"paid": 0, "moved": 0, "declined": 1, "cancelled": 1, "expired": 1, "not_moved": 1, "waiting": 5}[what]
	if !known {
		code = 6
	}
	os.Exit(code)
}
