package main

import (
	"fmt"
	"strings"

	v1 "k8s.io/api/core/v1"
)

var probes = Group{"probes", []Case{
	{what: "readiness by exec: ready as soon as it says so, and not any more when it does not", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "PAUSE", readinessProbe: {exec: {command: [test, -e, /tmp/ok]}, periodSeconds: 1}}]`)
		p.Running()
		Equal(t, "ready at first", isReady(p.seen), false)
		p.Sh("c", "touch /tmp/ok")
		p.Ready()
		p.Sh("c", "rm /tmp/ok")
		p.NotReady()
	}},
	{what: "liveness by exec restarts the container with SIGTERM first", run: func(t *T) {
		p := t.Pod(`
			containers:
			- {name: c, sh: "touch /tmp/ok; trap 'echo -n TERM >/dev/termination-log; exit 9' TERM; sleep 3; rm /tmp/ok; sleep 1000 & wait",
			   livenessProbe: {exec: {command: [cat, /tmp/ok]}, periodSeconds: 1, failureThreshold: 2}}`)
		s := p.Restarted("c", 1)
		Equal(t, "how it ended", fmt.Sprintf("%d %s", s.LastTerminationState.Terminated.ExitCode, s.LastTerminationState.Terminated.Message), "9 TERM")
	}},
	{what: "a liveness exec that hangs is killed by its timeout and restarts the container", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "PAUSE", livenessProbe: {exec: {command: [sleep, "515151"]}, timeoutSeconds: 1, periodSeconds: 1, failureThreshold: 2}}]`)
		p.Restarted("c", 1)
	}},
	{what: "a readiness exec that hangs leaves no process behind", run: func(t *T) {
		p := t.Pod(`
			containers:
			- name: c
			  sh: "PAUSE"
			  readinessProbe: {exec: {command: [sh, -c, "echo x >>/tmp/runs; sleep 616161; true"]}, timeoutSeconds: 1, periodSeconds: 1}`)
		p.Running()
		t.Until("it has hung three times", func() (bool, string) {
			out, _ := p.Exec("c", "cat", "/tmp/runs")
			return strings.Count(out, "x") >= 3, out
		})
		// One may hang just now, with its shell.
		if lines := strings.Count(p.Sh("c", "ps | grep '[s]leep 616161' || true"), "616161"); lines > 2 {
			t.Fail("%d processes hang", lines)
		}
	}},
	{what: "readiness and liveness by HTTP, with headers; a status of 503 restarts", run: func(t *T) {
		p := t.tooled("http 8080", `
			readinessProbe: {httpGet: {path: /ready, port: web, httpHeaders: [{name: X-Probe, value: readiness}]}, periodSeconds: 1}
			livenessProbe: {httpGet: {path: /health, port: 8080}, periodSeconds: 1, failureThreshold: 2}
			ports: [{name: web, containerPort: 8080}]`)
		p.Ready()
		t.Contains("the log", p.Log("c"), "GET /ready readiness")
		p.Sh("c", "wget -qO- http://127.0.0.1:8080/fail")
		p.Restarted("c", 1)
		p.Ready()
	}},
	{what: "readiness by TCP", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "until test -e /tmp/go; do sleep 0.1; done; nc -lk -p 7070 -e cat & PAUSE", readinessProbe: {tcpSocket: {port: 7070}, periodSeconds: 1}}]`)
		p.Running()
		Equal(t, "ready before it listens", isReady(p.seen), false)
		p.Sh("c", "touch /tmp/go")
		p.Ready()
	}},
	{what: "readiness and liveness by gRPC; NOT_SERVING restarts", run: func(t *T) {
		p := t.tooled("grpc 9090", `
			readinessProbe: {grpc: {port: 9090}, periodSeconds: 1}
			livenessProbe: {grpc: {port: 9090, service: ""}, periodSeconds: 1, failureThreshold: 2}`)
		p.Ready()
		t.Contains("the log", p.Log("c"), "/grpc.health.v1.Health/Check")
		p.Sh("c", "pkill -USR1 tool")
		p.Restarted("c", 1)
		p.Ready()
	}},
	{what: "a start-up probe holds the other probes back until it has passed", run: func(t *T) {
		p := t.Pod(`
			containers:
			- name: c
			  sh: "sleep 3; touch /tmp/up; PAUSE"
			  startupProbe: {exec: {command: [test, -e, /tmp/up]}, periodSeconds: 1, failureThreshold: 60}
			  livenessProbe: {exec: {command: [sh, -c, "echo live >>/tmp/live; test -e /tmp/up"]}, periodSeconds: 1, failureThreshold: 1}`)
		p.Wait("started", func(pod *v1.Pod) bool { started := status(pod, "c").Started; return started != nil && *started })
		t.Until("liveness is asked", func() (bool, string) {
			out, _ := p.Exec("c", "cat", "/tmp/live")
			return strings.Contains(out, "live"), out
		})
		Equal(t, "restarts", status(p.seen, "c").RestartCount, 0)
	}},
	{what: "a start-up probe that never passes restarts the container, with the probe's own grace period", run: func(t *T) {
		p := t.Pod(`
			terminationGracePeriodSeconds: 500
			containers:
			- name: c
			  sh: "trap 'true' TERM; while :; do sleep 1; done"
			  startupProbe: {exec: {command: ["false"]}, periodSeconds: 1, failureThreshold: 2, terminationGracePeriodSeconds: 1}`)
		Equal(t, "the code of the one that ignores SIGTERM", p.Restarted("c", 1).LastTerminationState.Terminated.ExitCode, 137)
		p.Write(`containers: [{name: c, sh: "PAUSE"}]`, nil)
	}},
}}

// tooled is a pod whose container c runs the server of serve.go.
func (t *T) tooled(arguments, container string) *Pod {
	return t.Pod(fmt.Sprintf(`
		volumes: [{name: tool, hostPath: {path: %s, type: File}}]
		containers:
		- name: c
		  command: [/tool, serve, %s]
		  volumeMounts: [{name: tool, mountPath: /tool}]
%s`, t.tool(), `"`+strings.Join(strings.Fields(arguments), `", "`)+`"`, indent(container, "\t\t  ")))
}

// indent puts a part of YAML at another depth.
func indent(part, by string) string {
	return by + strings.ReplaceAll(strings.TrimRight(undent(part), "\n\t "), "\n", "\n"+by)
}
