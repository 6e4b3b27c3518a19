package main

var stages = []Stage{
	{name: "usual", groups: []Group{life, ends, probes, network, volumes, security, resources, reading}},
	{name: "gates", settings: Settings{gates: map[string]bool{
		"EventedPLEG": true, "CRIListStreaming": true, "PodAndContainerStatsFromCRI": true,
	}}, groups: []Group{gates, statsFromCRI}},
	{name: "cluster", settings: Settings{cluster: true}, groups: []Group{cluster}},
	{name: "many", serial: true, groups: []Group{many}},
	{name: "outages", serial: true, groups: []Group{outages}},
	{name: "housekeeping", serial: true, settings: pressed, groups: []Group{housekeeping}},
	{name: "eviction", serial: true, settings: Settings{cluster: true, config: pressed.config}, groups: []Group{evictions}},
}
