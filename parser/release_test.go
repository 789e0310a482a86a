package parser

import (
	"testing"

	"github.com/kata-logs/fluent-bit-kata/internal/contract"
)

// releaseTexts have a message of each encoding.
var releaseTexts = []string{
	`time="2024-05-06T07:08:09.1Z" level=info msg="a \"b\"" odd=1 pid=x vm path=/run trailing`,
	`{"msg":"m","level":"INFO","ts":"2024-05-06T07:08:09.1Z","name":"kata-runtime","source":"s","odd":[1, 2],"a.b":null}`,
	`time="2024-05-06T07:08:09.1Z" level=debug msg="reading guest console" odd=2 vmconsole="{\"msg\":\"m\",\"level\":\"INFO\",\"my key\":{},\"sandbox\":\"x\"}"`,
	`time="2024-05-06T07:08:09.1Z" level=info msg="time=\"x\" level=info msg=m other=1\n" name=kata-proxy source=agent`,
	`announce: name="kata-agent",odd="1"`,
	`INFO[0000] message                                      odd=1`,
	`just text`,
	`INFO[0000] message`,
	`announce: `,
	`{"msg":"m","level":"INFO","ts":`,
}

// TestRelease walks all that a Parser can reach and finds no slice of a message.
func TestRelease(t *testing.T) {
	p := New(Config{})
	for _, text := range releaseTexts {
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

// TestAfterRelease: what was parsed before a Release makes no difference.
func TestAfterRelease(t *testing.T) {
	p := New(Config{})
	for _, text := range append(corpus(t), releaseTexts...) {
		m := Message{Text: []byte(text), Origin: Kata}
		want := render(New(Config{}).Parse(&m))
		for _, before := range releaseTexts {
			p.Parse(&Message{Text: []byte(before), Origin: Kata})
			p.Release()
			if got := render(p.Parse(&m)); got != want {
				t.Errorf("%s after %s: got\n%s\nwant\n%s", text, before, got, want)
			}
		}
	}
}
