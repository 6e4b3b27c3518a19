package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/client-go/util/exec"
)

// A Protocol is what kubectl may speak with the kubelet's port.
type Protocol string

const (
	SPDY      Protocol = "SPDY"
	WebSocket Protocol = "WebSocket"
)

var protocols = []Protocol{SPDY, WebSocket}

func (n *Node) rest() *rest.Config {
	return &rest.Config{Host: n.url(""), TLSClientConfig: rest.TLSClientConfig{Insecure: true}, Proxy: nil}
}

// Stream runs /exec or /attach and returns the command's exit code.
func (p *Pod) Stream(protocol Protocol, verb, container string, query url.Values, options remotecommand.StreamOptions) (int, error) {
	for name, on := range map[string]bool{"input": options.Stdin != nil, "output": options.Stdout != nil, "error": options.Stderr != nil, "tty": options.Tty} {
		if on {
			query.Set(name, "1")
		}
	}
	address, err := url.Parse(p.t.url("/" + verb + "/default/" + p.fullName() + "/" + container + "?" + query.Encode()))
	must(err)
	var executor remotecommand.Executor
	if protocol == SPDY {
		executor, err = remotecommand.NewSPDYExecutor(p.t.rest(), "POST", address)
	} else {
		executor, err = remotecommand.NewWebSocketExecutor(p.t.rest(), "GET", address.String())
	}
	must(err)
	ctx, cancel := context.WithTimeout(context.Background(), p.t.patience(60*time.Second))
	defer cancel()
	err = executor.StreamWithContext(ctx, options)
	var code exec.CodeExitError
	if errors.As(err, &code) {
		return code.Code, nil
	}
	return 0, err
}

// Exec runs a command in a container and returns its output, both streams together, and its exit code.
func (p *Pod) Exec(container string, command ...string) (string, int) {
	var out both
	code, err := p.Stream(SPDY, "exec", container, url.Values{"command": command}, remotecommand.StreamOptions{Stdout: &out, Stderr: &out})
	if err != nil {
		p.t.Fail("exec in %s/%s: %v", p.name, container, err)
	}
	return out.String(), code
}

// both takes two streams at the same time.
type both struct {
	lock sync.Mutex
	text bytes.Buffer
}

func (b *both) Write(data []byte) (int, error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.text.Write(data)
}

func (b *both) String() string {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.text.String()
}

// Sh runs a shell's line in a container; its output, without the last newline, is the answer. It must end well.
func (p *Pod) Sh(container, line string) string {
	out, code := p.Exec(container, "sh", "-c", line)
	if code != 0 {
		p.t.Fail("%s/%s: %s: exit code %d: %s", p.name, container, line, code, out)
	}
	return strings.TrimRight(out, "\n")
}

// Forward opens a local port that leads to the pod's.
func (p *Pod) Forward(protocol Protocol, port string) (local uint16, end func()) {
	address, err := url.Parse(p.t.url("/portForward/default/" + p.fullName()))
	must(err)
	var dialer httpstream.Dialer
	if protocol == SPDY {
		transport, upgrader, err := spdy.RoundTripperFor(p.t.rest())
		must(err)
		dialer = spdy.NewDialer(upgrader, &http.Client{Transport: transport}, "POST", address)
	} else {
		dialer, err = portforward.NewSPDYOverWebsocketDialer(address, p.t.rest())
		must(err)
	}
	stop, ready := make(chan struct{}), make(chan struct{})
	forwarder, err := portforward.New(dialer, []string{"0:" + port}, stop, ready, io.Discard, io.Discard)
	must(err)
	done := make(chan error, 1)
	go func() { done <- forwarder.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-done:
		p.t.Fail("port-forward by %s: %v", protocol, err)
	case <-time.After(p.t.patience(30 * time.Second)):
		p.t.Fail("port-forward by %s: no answer", protocol)
	}
	ports, err := forwarder.GetPorts()
	must(err)
	return ports[0].Local, func() { close(stop) }
}
