package oauthtest

// AllFaults is what the table test must cover.
var AllFaults = allFaults
