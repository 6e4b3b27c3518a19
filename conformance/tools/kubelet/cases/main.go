// Runs a kubelet with static pods on a daemon that serves already, and checks what becomes of the pods. kubelet.sh builds and calls it.
//
//	cases -dir DIR -kubelet PROGRAM -driver cgroupfs|systemd [-focus REGEXP] [-parallel N]
//
// Each case has pods of its own; those of one stage run at the same time on one kubelet. The program is also the server that some
// pods run (cases serve ...), mounted into them as /tool.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "serve" {
		serve(os.Args[2], os.Args[3:])
		return
	}
	dir := flag.String("dir", "", "the folder of the daemon, as daemon.sh takes it")
	program := flag.String("kubelet", "", "the kubelet")
	scripts := flag.String("scripts", "", "the folder of daemon.sh")
	driver := flag.String("driver", "cgroupfs", "the cgroup driver that the daemon tells")
	focus := flag.String("focus", ".", "the cases to run, by a regular expression on \"group: what\"")
	parallel := flag.Int("parallel", 12, "cases at a time")
	scale := flag.Float64("scale", 1, "how much more time than usual the machine needs")
	keep := flag.Bool("keep", false, "leave the pods of a failed case for a look, and wait for SIGINT")
	flag.Parse()
	run := &Run{focus: regexp.MustCompile(*focus), parallel: *parallel, keep: *keep}
	node := NewNode(*dir, *program, *scripts, *driver, *scale)
	for _, stage := range stages {
		run.stage(node, stage)
	}
	if *keep && run.failed > 0 {
		fmt.Fprintln(os.Stderr, "the node stays until a key is pressed")
		_, _ = os.Stdin.Read(make([]byte, 1))
	}
	node.End(run)
	fmt.Printf("%d passed, %d failed, %d skipped\n", run.passed, run.failed, run.skipped)
	if run.failed > 0 {
		os.Exit(1)
	}
}

// A Stage is a set of cases that one kubelet is enough for.
type Stage struct {
	name     string
	settings Settings
	serial   bool
	groups   []Group
}

type Group struct {
	name  string
	cases []Case
}

// A Case says what it checks. Unless tells why it cannot run on this node, if it cannot.
type Case struct {
	what   string
	unless func(*Node) string
	run    func(*T)
}

type Run struct {
	focus                   *regexp.Regexp
	parallel                int
	keep                    bool
	passed, failed, skipped int
}

func (r *Run) fail(name, why string) {
	r.failed++
	fmt.Printf("FAILED  %s: %s\n", name, strings.Join(strings.Fields(why), " "))
}

type outcome struct {
	name, skip, failure string
	took                time.Duration
}

func (r *Run) stage(node *Node, stage Stage) {
	type job struct {
		name string
		c    Case
	}
	var jobs []job
	for _, group := range stage.groups {
		for _, c := range group.cases {
			if name := group.name + ": " + c.what; r.focus.MatchString(name) {
				jobs = append(jobs, job{name, c})
			}
		}
	}
	if len(jobs) == 0 {
		return
	}
	start := time.Now()
	if err := node.StartKubelet(stage.settings); err != nil {
		r.fail(stage.name, "the kubelet does not start: "+err.Error())
		return
	}
	width := r.parallel
	if stage.serial {
		width = 1
	}
	queue, done := make(chan job, len(jobs)), make(chan outcome)
	for _, j := range jobs {
		queue <- j
	}
	close(queue)
	for range width {
		go func() {
			for j := range queue {
				begin := time.Now()
				skip, failure := j.c.do(node, j.name, r.keep)
				done <- outcome{j.name, skip, failure, time.Since(begin)}
			}
		}()
	}
	for range jobs {
		o := <-done
		switch {
		case o.skip != "":
			r.skipped++
			fmt.Printf("SKIPPED %s: %s\n", o.name, o.skip)
		case o.failure != "":
			r.fail(o.name, o.failure)
		default:
			r.passed++
			fmt.Fprintf(os.Stderr, "ok      %s (%.1f s)\n", o.name, o.took.Seconds())
		}
	}
	if err := node.StopKubelet(); err != nil {
		r.fail(stage.name, err.Error())
	}
	fmt.Fprintf(os.Stderr, "stage %s: %d cases in %.0f s\n", stage.name, len(jobs), time.Since(start).Seconds())
}

type failure string
type skip string

// do runs the case and takes its pods away; it returns why it was skipped or why it failed.
func (c Case) do(node *Node, name string, keep bool) (skipped, failed string) {
	if c.unless != nil {
		if reason := c.unless(node); reason != "" {
			return reason, ""
		}
	}
	t := newT(node, name)
	defer func() {
		switch why := recover().(type) {
		case nil:
		case failure:
			failed = string(why)
		case skip:
			skipped = string(why)
		default:
			panic(why)
		}
		if failed == "" || !keep {
			t.end()
		}
	}()
	c.run(t)
	return "", ""
}
