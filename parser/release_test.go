package parser

import (
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
)

// TestRelease walks all that a Parser can reach and finds no slice of a message.
func TestRelease(t *testing.T) {
	p := New(Config{})
	for _, text := range []string{
		`time="2024-05-06T07:08:09.1Z" level=info msg="a \"b\"" odd=1 pid=x vm path=/run trailing`,
		`{"msg":"m","level":"INFO","ts":"2024-05-06T07:08:09.1Z","name":"kata-runtime","source":"s","odd":[1, 2],"a.b":null}`,
		`time="2024-05-06T07:08:09.1Z" level=debug msg="reading guest console" odd=2 vmconsole="{\"msg\":\"m\",\"level\":\"INFO\",\"my key\":{},\"sandbox\":\"x\"}"`,
		`time="2024-05-06T07:08:09.1Z" level=info msg="time=\"x\" level=info msg=m other=1\n" name=kata-proxy source=agent`,
		`announce: name="kata-agent",odd="1"`,
		`INFO[0000] message                                      odd=1`,
		`just text`,
	} {
		message := []byte(text)
		if p.Parse(&Message{Text: message, Origin: Kata}) == nil {
			t.Fatalf("%s was not parsed", text)
		}
		if n := contract.PointersInto(message, p); n == 0 {
			t.Fatalf("%s: nothing to release: the test does not see it", text)
		}
		p.Release()
		if n := contract.PointersInto(message, p); n != 0 {
			t.Errorf("%s: %d slices are left", text, n)
		}
	}
}
