package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
)

// With EventedPLEG the kubelet learns of its pods' changes by events and lists them every five minutes only; with CRIListStreaming
// lists come in pieces.
var gates = Group{"gates", []Case{
	{what: "EventedPLEG: starts, ends, restarts and probes come through by events", run: func(t *T) {
		t.Until("the kubelet has a stream of events", func() (bool, string) {
			return t.count("kubelet_evented_pleg_connection_success_count") >= 1, "none"
		})
		once := t.Pod(`
			restartPolicy: Never
			containers: [{name: c, sh: "sleep 1; exit 6"}]`)
		again := t.Pod(`containers: [{name: c, sh: "sleep 1; exit 1"}]`)
		probed := t.Pod(`containers: [{name: c, sh: "touch /tmp/ok; sleep 2; rm /tmp/ok; PAUSE", livenessProbe: {exec: {command: [cat, /tmp/ok]}, periodSeconds: 1, failureThreshold: 1}}]`)
		Equal(t, "the exit code", once.Ended("c").ExitCode, 6)
		once.Phase(v1.PodFailed)
		again.Restarted("c", 1)
		probed.Restarted("c", 1)
		again.Gone()
		Equal(t, "streams that broke", t.count("kubelet_evented_pleg_connection_error_count"), 0)
	}},
	{what: "the deleted pod's processes are ended and its cgroup goes", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "PAUSE"}]`)
		p.Running()
		p.Gone()
		t.Until("its cgroups go", func() (bool, string) { left := podCgroups(p.uid()); return len(left) == 0, strings.Join(left, " ") })
	}},
	{what: "a container that somebody kills is started again", run: func(t *T) {
		p := t.Pod(`containers: [{name: c, sh: "PAUSE"}]`)
		p.Running()
		t.Host("kill", "-9", p.Pid("c"))
		Equal(t, "the code", p.Restarted("c", 1).LastTerminationState.Terminated.ExitCode, 137)
	}},
}}

// With so many pods that nothing else gets on beside them.
var many = Group{"many pods", []Case{
	{what: "30 pods at once all become ready, and all go", run: func(t *T) {
		for range 30 {
			t.Pod(`containers: [{name: c, sh: "PAUSE", readinessProbe: {exec: {command: ["true"]}, periodSeconds: 5}}]`)
		}
		for _, p := range t.pods {
			p.Ready()
		}
		for _, p := range t.pods {
			p.Delete()
		}
		for _, p := range t.pods {
			p.Gone()
		}
	}},
	{what: "50 pods become ready, and PLEG's relist stays under 100 ms", run: func(t *T) {
		for range 50 {
			t.Pod(`containers: [{name: c, sh: "PAUSE"}]`)
		}
		for _, p := range t.pods {
			p.Ready()
		}
		sum, count := t.relists()
		time.Sleep(15 * time.Second)
		moreSum, moreCount := t.relists()
		if moreCount == count {
			t.Fail("no relist within 15 s")
		}
		mean := (moreSum - sum) / (moreCount - count)
		fmt.Fprintf(os.Stderr, "        relist of 50 pods: %.1f ms in the mean of %.0f\n", mean*1000, moreCount-count)
		if mean >= 0.1 {
			t.Fail("a relist takes %.0f ms", mean*1000)
		}
		for _, p := range t.pods {
			p.Delete()
		}
		for _, p := range t.pods {
			p.Gone()
		}
	}},
}}

// count is the value of a metric of the kubelet's without labels.
func (t *T) count(name string) int {
	text, err := t.get("/metrics")
	must(err)
	found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	number, err := strconv.ParseFloat(found[1], 64)
	must(err)
	return int(number)
}

func (t *T) relists() (sum, count float64) {
	text, err := t.get("/metrics")
	must(err)
	read := func(what string) float64 {
		found := regexp.MustCompile(`(?m)^kubelet_pleg_relist_duration_seconds_` + what + ` (\S+)$`).FindStringSubmatch(text)
		if found == nil {
			t.Fail("no kubelet_pleg_relist_duration_seconds_%s", what)
		}
		number, err := strconv.ParseFloat(found[1], 64)
		must(err)
		return number
	}
	return read("sum"), read("count")
}
