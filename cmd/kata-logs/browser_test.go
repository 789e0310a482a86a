package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// browser is a headless Chromium, driven by chromedriver.
type browser struct {
	t   *testing.T
	url string // of the session
}

// newBrowser starts a browser, or skips the test where there is none.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	driver, err := exec.LookPath("chromedriver")
	if err != nil {
		t.Skip("there is no chromedriver (Debian: chromium-driver)")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	cmd := exec.Command(driver, "--port="+strconv.Itoa(port))
	if err := cmd.Start(); err != nil {
		t.Skipf("chromedriver does not start: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	b := &browser{t: t, url: fmt.Sprintf("http://127.0.0.1:%d/session", port)}
	options := map[string]any{"args": []string{"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--user-data-dir=" + t.TempDir()}}
	request := map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:chromeOptions": options, "goog:loggingPrefs": map[string]string{"browser": "ALL"}}}}
	var answer struct{ SessionID string }
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		err := b.post("", request, &answer)
		if err == nil {
			break
		}
		if time.Now().After(deadline) || !strings.Contains(err.Error(), "connection refused") {
			t.Skipf("there is no Chromium that starts: %v", err)
		}
	}
	b.url += "/" + answer.SessionID
	t.Cleanup(func() {
		request, err := http.NewRequest(http.MethodDelete, b.url, nil)
		if err != nil {
			return
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			_ = answer.Body.Close()
		}
	})
	return b
}

// post sends a command and decodes its value.
func (b *browser) post(path string, request, value any) error {
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	answer, err := http.Post(b.url+path, "application/json", bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, body[:min(len(body), 500)])
	}
	if value == nil {
		return nil
	}
	return json.Unmarshal(body, &struct{ Value any }{value})
}

// devtools sends a command of the DevTools protocol.
func (b *browser) devtools(command string, parameters map[string]any, value any) {
	b.t.Helper()
	if err := b.post("/goog/cdp/execute", map[string]any{"cmd": command, "params": parameters}, value); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) open(url string) {
	b.t.Helper()
	if err := b.post("/url", map[string]string{"url": url}, nil); err != nil {
		b.t.Fatal(err)
	}
}

// eval returns the value of an expression.
func (b *browser) eval(expression string) any {
	b.t.Helper()
	var value any
	if err := b.post("/execute/sync", map[string]any{"script": "return (" + expression + ")", "args": []any{}}, &value); err != nil {
		b.t.Fatal(err)
	}
	return value
}

// key presses a key.
func (b *browser) key(name string) {
	b.t.Helper()
	text, code := "", 0
	switch name {
	case "Enter":
		text, code = "\r", 13
	case "Tab":
		code = 9
	case "Escape":
		code = 27
	default:
		text, code = name, int(strings.ToUpper(name)[0])
	}
	for _, kind := range []string{"keyDown", "keyUp"} {
		p := map[string]any{"type": kind, "key": name, "windowsVirtualKeyCode": code}
		if kind == "keyDown" && text != "" {
			p["text"] = text
		}
		b.devtools("Input.dispatchKeyEvent", p, nil)
	}
}

// size sets the size of the window.
func (b *browser) size(width, height int) {
	b.t.Helper()
	b.devtools("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// shot saves a screenshot if KATA_LOGS_SHOTS names a folder.
func (b *browser) shot(name string) {
	b.t.Helper()
	var answer struct{ Data string }
	b.devtools("Page.captureScreenshot", map[string]any{"format": "png"}, &answer)
	png, err := base64.StdEncoding.DecodeString(answer.Data)
	if err != nil || len(png) < 5000 {
		b.t.Errorf("%s: a screenshot of %d bytes, %v", name, len(png), err)
	}
	folder := os.Getenv("KATA_LOGS_SHOTS")
	if folder == "" {
		return
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// quiet checks that the page has caused no message, such as of something that it was not allowed to do.
func (b *browser) quiet() {
	b.t.Helper()
	var list []struct{ Level, Message string }
	if err := b.post("/se/log", map[string]string{"type": "browser"}, &list); err != nil {
		b.t.Fatal(err)
	}
	for _, m := range list {
		b.t.Errorf("the browser says: %s %s", m.Level, m.Message)
	}
}

// TestBrowser looks at the page of a timeline in Chromium: light and dark, in a narrow window, by
// keyboard, and with JavaScript off.
func TestBrowser(t *testing.T) {
	log := write(t, "node-1.log", lifeOf("Go 3.x"))
	pod := write(t, "containerd.log", `time="2024-05-06T07:08:09.120000000Z" level=info msg="RunPodSandbox for &PodSandboxMetadata{Name:web-0,Uid:0c1f,Namespace:shop,Attempt:0,} returns sandbox id \"`+lifeSandbox+`\""`+"\n")
	r := runWith(t, "", "timeline", "--no-node", "-o", "html", lifeSandbox[:12], log, pod)
	if r.status != 0 || r.stderr != "" {
		t.Fatal(r.stderr)
	}
	url := "file://" + write(t, "timeline.html", r.stdout)
	b := newBrowser(t)
	expect := func(expression string, want any) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			got := b.eval(expression)
			if fmt.Sprint(got) == fmt.Sprint(want) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s is %v, want %v", expression, got, want)
			}
		}
	}
	openName := `(document.querySelector("details[open] .name") || document.body).textContent.slice(0, 99)`
	scheme := func(name string) {
		t.Helper()
		b.devtools("Emulation.setEmulatedMedia", map[string]any{"features": []any{
			map[string]string{"name": "prefers-color-scheme", "value": name}, map[string]string{"name": "prefers-reduced-motion", "value": "reduce"},
		}}, nil)
	}
	b.size(1280, 1400)
	scheme("light")
	b.open(url)
	b.shot("light")
	expect(`document.querySelectorAll("svg").length`, 3)
	expect(`document.querySelector("h1").textContent`, "shop/web-0")
	expect(`document.querySelectorAll("a.phase.slowest").length`, 1)
	expect(`getComputedStyle(document.body).backgroundColor`, "rgb(255, 255, 255)")
	// What a guest wrote is text, and nothing else.
	expect(`document.querySelectorAll("img, iframe, object").length`, 0)
	expect(`document.body.textContent.includes("<img src=x onerror=alert(1)> red")`, true)
	expect(`performance.getEntriesByType("resource").length`, 0) // nothing is loaded

	// By mouse: a phase shows its records.
	expect(`document.querySelectorAll("details[open]").length`, 0)
	b.eval(`(document.querySelector("a.phase.slowest .bar").dispatchEvent(new MouseEvent("click", {bubbles: true})), 1)`)
	expect(`document.querySelector("details[open] .name").textContent.includes("VMM started")`, true)
	expect(`document.activeElement.tagName`, "SUMMARY")
	b.shot("light-records")

	scheme("dark")
	expect(`getComputedStyle(document.body).backgroundColor`, "rgb(20, 24, 30)")
	b.shot("dark")

	// By keyboard only.
	b.open(url)
	for range 3 {
		b.key("Tab")
	}
	expect(`document.activeElement.getAttribute("class")`, "phase host")
	b.key("Enter")
	expect(`document.querySelectorAll("details[open]").length`, 1)
	expect(`document.activeElement.tagName`, "SUMMARY") // the browser itself opens the records, and the script goes there
	first := b.eval(openName)
	b.key("n")
	expect(fmt.Sprintf("%s !== %q", openName, first), true)
	expect(`document.querySelectorAll("details[open]").length`, 1)
	b.key("p")
	expect(openName, first)
	b.key("Escape")
	expect(`document.querySelectorAll("details[open]").length`, 0)
	b.key("/")
	for _, c := range "oom" {
		b.key(string(c))
	}
	for range 3 {
		b.key("o")
	}
	expect(`document.querySelectorAll("tbody tr:not(.away)").length`, 0)
	b.key("Escape")
	expect(`document.querySelectorAll("tbody tr.away").length`, 0)

	// In a narrow window the page does not scroll sideways, only the drawings in it do.
	b.size(390, 844)
	scheme("light")
	b.open(url + "#s0p2")
	b.shot("narrow-records")
	expect(`document.documentElement.scrollWidth <= 390`, true)
	expect(`document.querySelector(".scroll").scrollWidth > 390`, true)
	b.open("about:blank")
	b.open(url)
	b.shot("narrow")

	// Without JavaScript all can be read: a link opens the records of a phase, or they are opened by hand.
	b.size(1280, 1400)
	b.quiet()
	b.devtools("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	b.open("about:blank")
	b.open(url + "#s0p2")
	b.shot("without-javascript")
	var tree struct {
		Nodes []struct {
			Role, Name struct{ Value any }
		}
	}
	b.devtools("Accessibility.getFullAXTree", map[string]any{}, &tree)
	var seen strings.Builder
	for _, n := range tree.Nodes {
		_, _ = fmt.Fprintln(&seen, n.Role.Value, n.Name.Value)
	}
	for _, want := range []string{"link VMM started, 1.09 s, the slowest", "heading shop/web-0", "columnheader message", "Linux version 6.12.0"} {
		if !strings.Contains(seen.String(), want) {
			t.Errorf("without JavaScript there is no %q in\n%s", want, seen.String()[:min(seen.Len(), 4000)])
		}
	}
	if strings.Contains(seen.String(), "Open all") {
		t.Error("without JavaScript there are tools that do nothing")
	}
	b.quiet()
}
