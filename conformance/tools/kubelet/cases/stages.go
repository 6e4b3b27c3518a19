package main

var stages = []Stage{
	{name: "usual", groups: []Group{life, ends, probes, network, volumes, security, resources, reading}},
	{name: "gates", settings: Settings{gates: map[string]bool{
		"EventedPLEG": true, "CRIListStreaming": true, "PodAndContainerStatsFromCRI": true,
	}}, groups: []Group{gates, statsFromCRI}},
	{name: "many", serial: true, groups: []Group{many}},
	{name: "outages", serial: true, groups: []Group{outages}},
	{name: "housekeeping", serial: true, settings: housekeepingSettings, groups: []Group{housekeeping}},
}
