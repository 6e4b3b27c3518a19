package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// In KiB.
type usage struct {
	rss, pss, private int
}

func (u usage) plus(other usage) usage {
	return usage{u.rss + other.rss, u.pss + other.pss, u.private + other.private}
}

// memoryOf reads /proc/PID/smaps_rollup (proc(5)).
func memoryOf(pid int) (usage, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return usage{}, err
	}
	var u usage
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		amount, err := strconv.Atoi(fields[1])
		if err != nil {
			continue
		}
		switch fields[0] {
		case "Rss:":
			u.rss = amount
		case "Pss:":
			u.pss = amount
		case "Private_Clean:", "Private_Dirty:":
			u.private += amount
		}
	}
	return u, nil
}

// shimMemory answers with one sum for each shim: its own memory and that of its children that run the same program, which
// is the pod's init.
func shimMemory(text string, daemon int) ([]usage, error) {
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	var sums []usage
	for _, path := range lines {
		line, err := os.ReadFile(path)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || pid == daemon || pid == os.Getpid() || !strings.Contains(string(line), text) {
			continue
		}
		if parent(pid) != 0 && isShim(parent(pid), text) {
			continue
		}
		sum, err := memoryOf(pid)
		if err != nil {
			return nil, err
		}
		for _, other := range lines {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(other)))
			if parent(child) == pid && program(child) == program(pid) {
				memory, err := memoryOf(child)
				if err != nil {
					return nil, err
				}
				sum = sum.plus(memory)
			}
		}
		sums = append(sums, sum)
	}
	return sums, nil
}

func isShim(pid int, text string) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && strings.Contains(string(line), text) && program(pid) != ""
}

// The program by what it is, not by its name: a detached mount of it has another path.
func program(pid int) string {
	info, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.Size(), info.ModTime())
}

func parent(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name, in parentheses, may have spaces.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	id, _ := strconv.Atoi(fields[1])
	return id
}
