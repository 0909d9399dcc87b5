// Takes a payment and waits for the customer: go build pay.go && ./pay TIYN PHONE INVOICE   (go run ends with 1 for every code)
// Ends with 0: paid; 1: not paid; 2: refused, this call billed nobody and the words say why; 5: still waiting;
// 6: nobody knows, look before you bill again.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"
)

type Answer struct {
	ID, State, Money, Code, Detail string
	Retryable                      bool
	Refunded                       int `json:"refunded_tiyn"`
	Elsewhere                      int `json:"refunded_elsewhere_tiyn"`
}

var end = time.Now().Add(3 * time.Minute)
var unanswered = 0

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
		var answer Answer
		response, err := kaspid.Do(request)
		if err == nil {
			err = json.NewDecoder(response.Body).Decode(&answer)
			response.Body.Close()
		}
		if err == nil && !answer.Retryable {
			return answer
		}
		// No answer says nothing. The same key again tells what came of the first, and never bills twice.
		if err != nil {
			unanswered++
		}
		time.Sleep(time.Second)
	}
	return Answer{Money: "unknown", Code: "no answer"}
}

func main() {
	tiyn, err := strconv.ParseUint(os.Args[1], 10, 63)
	if err != nil {
		fmt.Fprintln(os.Stderr, "An amount is whole tiyn: 15050 is 150.50 tenge.")
		os.Exit(2)
	}
	phone, invoice := os.Args[2], os.Args[3]
	sale := map[string]any{"kind": "remote", "amount_tiyn": tiyn, "phone_number": phone, "invoice": invoice}
	first := ask("POST", "/v1/payments", sale, "sale-"+url.QueryEscape(invoice))
	answer := first
	for (answer.State == "waiting" || answer.State == "creating") && time.Now().Before(end) {
		answer = ask("GET", "/v1/payments/"+answer.ID+"?wait=60s", nil, "")
	}
	what := answer.State
	if what == "paid" && answer.Refunded+answer.Elsewhere > 0 {
		what = "paid back"
	} else if what == "" && answer.Code == "declined" {
		what = "declined"
	} else if what == "" {
		// A refusal is of one call. Another call of this sale may have billed: one that got no answer, or that of a payment it names.
		other := map[string]bool{"key_conflict": true, "invoice_open": true, "restored_gap": true}[answer.Code]
		what = "unknown"
		if first.State == "" && unanswered == 0 && !other && answer.Money == "not_moved" {
			what = "refused"
		}
	}
	fmt.Println(what, answer.ID, answer.Detail)
	code, known := map[string]int{"paid": 0, "declined": 1, "cancelled": 1, "expired": 1, "refused": 2, "waiting": 5, "creating": 5}[what]
	if !known {
		code = 6
	}
	os.Exit(code)
}
